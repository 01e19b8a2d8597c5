// free and its kin: null is nothing, errno is kept, and C23's sized forms free what they are told.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "contract/functions.h"
#include "support/allocator.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

constexpr int kUntouched = 7777;

template <class Free>
void expect_errno_kept(Free release, const char* name) {
  for (size_t n : tier_sizes(32 * kMiB))
    for (int count : {1, 40}) {
      if (n > kMiB && count > 1) count = 4;
      std::vector<void*> blocks(static_cast<size_t>(count));
      for (void*& block : blocks) {
        block = malloc(n);
        ASSERT_NE(block, nullptr);
        if (n > 0) memset(block, 1, n < 4096 ? n : 4096);
      }
      for (void* block : blocks) {
        errno = kUntouched;
        release(block, n);
        ASSERT_EQ(errno, kUntouched) << name << ", " << n;
      }
    }
}

TEST(Free, keeps_errno_at_every_size) {
  expect_errno_kept([](void* p, size_t) { free(p); }, "free");
}

TEST(Free, keeps_errno_for_blocks_of_another_thread) {
  for (size_t n : tier_sizes(8 * kMiB)) {
    std::vector<void*> blocks(n > kMiB ? 4 : 300);
    for (void*& block : blocks) block = malloc(n);
    std::thread([&] {
      for (void* block : blocks) {
        errno = kUntouched;
        free(block);
        EXPECT_EQ(errno, kUntouched) << n;
      }
    }).join();
  }
}

TEST(Free, of_null_does_nothing) {
  errno = kUntouched;
  free(opaque<void*>(nullptr));
  EXPECT_EQ(errno, kUntouched);
  ::operator delete(opaque<void*>(nullptr));
  ::operator delete[](opaque<void*>(nullptr));
  ::operator delete (opaque<void*>(nullptr), size_t{100});
  ::operator delete[](opaque<void*>(nullptr), size_t{100});
  ::operator delete(opaque<void*>(nullptr), std::nothrow);
  ::operator delete(opaque<void*>(nullptr), kWide);
  ::operator delete[](opaque<void*>(nullptr), kWide);
  ::operator delete (opaque<void*>(nullptr), size_t{100}, kWide);
  ::operator delete[](opaque<void*>(nullptr), size_t{100}, kWide);
  ::operator delete(opaque<void*>(nullptr), kWide, std::nothrow);
  EXPECT_EQ(errno, kUntouched);
}

TEST(Free, delete_keeps_errno_at_every_size) {
  for (const NewFunction& f : kNewFunctions)
    for (size_t n : tier_sizes(4 * kMiB))
      for (auto* release : {f.release, f.release_sized}) {
        void* const block = f.allocate(n);
        ASSERT_NE(block, nullptr);
        ASSERT_EQ(reinterpret_cast<uintptr_t>(block) % f.alignment, 0u) << f.name;
        if (n > 0) memset(block, 1, n < 4096 ? n : 4096);
        errno = kUntouched;
        release(block, n);
        EXPECT_EQ(errno, kUntouched) << f.name << ", " << n;
      }
}

TEST(Free, cfree_is_free) {
  const auto cfree = reinterpret_cast<void (*)(void*)>(find_function("cfree"));
  if (cfree == nullptr) GTEST_SKIP() << "glibc has it only for programs linked before 2.26";
  cfree(nullptr);
  expect_errno_kept([&](void* p, size_t) { cfree(p); }, "cfree");
}

TEST(Free, free_sized_frees) {
  const auto free_sized = reinterpret_cast<void (*)(void*, size_t)>(find_function("free_sized"));
  if (free_sized == nullptr) GTEST_SKIP() << "glibc 2.36 has no C23";
  free_sized(nullptr, 100);
  expect_errno_kept([&](void* p, size_t n) { free_sized(p, n); }, "free_sized");
  free_sized(calloc(10, 100), 1000);
  free_sized(realloc(malloc(10), 5000), 5000);
}

TEST(Free, free_aligned_sized_frees) {
  const auto release = reinterpret_cast<void (*)(void*, size_t, size_t)>(find_function("free_aligned_sized"));
  if (release == nullptr) GTEST_SKIP() << "glibc 2.36 has no C23";
  release(nullptr, 64, 100);
  for (size_t alignment = 16; alignment <= 64 * kMiB; alignment *= 2)
    for (size_t n : {size_t{0}, size_t{1}, size_t{100}, size_t{2000}, alignment, size_t{100000}, 2 * kMiB}) {
      void* const block = aligned_alloc(alignment, n);
      ASSERT_NE(block, nullptr);
      errno = kUntouched;
      release(block, alignment, n);
      EXPECT_EQ(errno, kUntouched);
    }
}

// What C and C++ allow: free takes what any C function gave; libstdc++'s delete is free, and programs rely on it.
TEST(Free, takes_the_blocks_of_every_function) {
  for (int round = 0; round < 3; round++)
    for (const Function& f : kCFunctions)
      for (size_t n : {size_t{0}, size_t{10}, size_t{3000}, size_t{100000}, 2 * kMiB}) {
        void* const block = f.allocate(n);
        ASSERT_NE(block, nullptr) << f.name << ", " << n;
        ASSERT_EQ(reinterpret_cast<uintptr_t>(block) % f.alignment, 0u) << f.name << ", " << n;
        free(block);
      }
}

TEST(Free, sized_delete_takes_what_the_compiler_passes) {
  struct Virtual {
    virtual ~Virtual() = default;
    char bytes[200];
  };
  struct Derived : Virtual {
    char more[3000];
  };
  struct alignas(256) Wide {
    char bytes[700];
  };
  struct Member {
    ~Member() { touch(this); }
    char bytes[24];
  };
  for (int i = 0; i < 100; i++) {
    Virtual* const v = new Derived;
    delete opaque(v);
    delete opaque(new Wide);
    delete[] opaque(new Wide[opaque(7)]);
    delete[] opaque(new Member[opaque(5)]);  // a cookie in front: the size is not the elements' alone
    delete opaque(new int);
  }
}

TEST(Free, counts_every_block_once) {
  if (!is_hakmem()) GTEST_SKIP() << "needs hakmem's counters";
  hakmem_statistics before, after;
  hakmem()->stats(&before, sizeof before);
  for (int i = 0; i < 1000; i++) {
    free(malloc(static_cast<size_t>(i)));
    free(calloc(3, static_cast<size_t>(i)));
    free(aligned_alloc(64, static_cast<size_t>(i)));
    ::operator delete(::operator new(static_cast<size_t>(i)), static_cast<size_t>(i));
  }
  hakmem()->stats(&after, sizeof after);
  EXPECT_EQ(after.tiers[0].allocations - before.tiers[0].allocations, 4000u);
  EXPECT_EQ(after.tiers[0].frees - before.tiers[0].frees, 4000u);
  EXPECT_EQ(after.tiers[0].live_blocks, before.tiers[0].live_blocks);
}

}  // namespace
}  // namespace hak::test
