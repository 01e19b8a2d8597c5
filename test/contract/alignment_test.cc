// Alignments: what is asked is what comes, bad ones are refused as glibc 2.36 refuses them.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "contract/functions.h"
#include "support/allocator.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

constexpr int kUntouched = 7777;
constexpr size_t kMostAlignment = 64 * kMiB;

bool aligned(const void* block, size_t alignment) { return reinterpret_cast<uintptr_t>(block) % alignment == 0; }

// The sizes that are interesting for an alignment: none, one, around the alignment and around the tiers' borders.
std::vector<size_t> sizes_for(size_t alignment) {
  std::vector<size_t> all = {0,    1,     8,     16,    40,    100,    500,  1024,     1025,
                             3000, 20000, 61440, 65536, 65537, 200000, kMiB, kMiB + 1, 3 * kMiB};
  for (size_t n : {alignment / 2, alignment - 1, alignment, alignment + 1, 3 * alignment / 2, 2 * alignment})
    if (n <= 8 * kMiB || n == alignment) all.push_back(n);
  return all;
}

void expect_good(void* block, size_t alignment, size_t n, const char* name) {
  ASSERT_NE(block, nullptr) << name << " " << alignment << ", " << n;
  EXPECT_TRUE(aligned(block, alignment)) << name << " " << alignment << ", " << n << ": " << block;
  EXPECT_TRUE(aligned(block, 16)) << name << " " << alignment << ", " << n << ": " << block;
  EXPECT_GE(malloc_usable_size(block), n) << name << " " << alignment;
  if (n > 0) {
    static_cast<char*>(block)[0] = 1;
    static_cast<char*>(block)[n - 1] = 1;
  }
  free(block);
}

TEST(Alignment, every_power_of_two_to_64_MiB_with_every_size_is_served) {
  for (size_t alignment = 1; alignment <= kMostAlignment; alignment *= 2)
    for (size_t n : sizes_for(alignment)) {
      expect_good(memalign(opaque(alignment), n), alignment, n, "memalign");
      expect_good(aligned_alloc(opaque(alignment), n), alignment, n, "aligned_alloc");
      if (alignment < sizeof(void*)) continue;
      void* block = nullptr;
      ASSERT_EQ(posix_memalign(&block, opaque(alignment), n), 0) << alignment << ", " << n;
      expect_good(block, alignment, n, "posix_memalign");
    }
}

TEST(Alignment, blocks_of_one_alignment_live_side_by_side) {
  for (size_t alignment = 16; alignment <= kMostAlignment; alignment *= 4)
    for (size_t n : {size_t{1}, size_t{100}, size_t{1500}, size_t{70000}}) {
      const size_t count = alignment >= kMiB ? 6 : 64;
      std::vector<char*> blocks;
      for (size_t i = 0; i < count; i++) {
        char* const block = static_cast<char*>(memalign(opaque(alignment), n));
        ASSERT_NE(block, nullptr);
        ASSERT_TRUE(aligned(block, alignment));
        memset(block, static_cast<int>(i), n);
        blocks.push_back(block);
      }
      for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < n; k++) ASSERT_EQ(blocks[i][k], static_cast<char>(i)) << alignment << ", " << n;
        free(blocks[i]);
      }
    }
}

TEST(Alignment, aligned_operator_new_serves_every_power_of_two_to_64_MiB) {
  for (size_t alignment = 1; alignment <= kMostAlignment; alignment *= 2)
    for (size_t n : sizes_for(alignment)) {
      const std::align_val_t a{opaque(alignment)};
      const auto check = [&](void* block) {
        ASSERT_NE(block, nullptr) << alignment << ", " << n;
        EXPECT_TRUE(aligned(block, alignment)) << alignment << ", " << n;
        if (n > 0) static_cast<char*>(block)[n - 1] = 1;
      };
      void* block = ::operator new(n, a);
      check(block);
      ::operator delete(block, a);
      block = ::operator new[](n, a);
      check(block);
      ::operator delete[](block, n, a);
      block = ::operator new(n, a, std::nothrow);
      check(block);
      ::operator delete(block, n, a);
      block = ::operator new[](n, a, std::nothrow);
      check(block);
      ::operator delete[](block, a, std::nothrow);
    }
}

TEST(Alignment, realloc_of_an_aligned_block_keeps_its_contents) {
  for (size_t alignment = 32; alignment <= 4 * kMiB; alignment *= 8)
    for (size_t n : {size_t{10}, size_t{5000}, size_t{100000}})
      for (size_t wanted : {size_t{1}, size_t{3000}, size_t{90000}, 3 * kMiB}) {
        char* block = static_cast<char*>(memalign(opaque(alignment), n));
        ASSERT_NE(block, nullptr);
        memset(block, 0x3c, n);
        block = static_cast<char*>(realloc(block, wanted));
        ASSERT_NE(block, nullptr);
        for (size_t i = 0; i < n && i < wanted; i++)
          ASSERT_EQ(block[i], 0x3c) << alignment << ", " << n << " to " << wanted;
        free(block);
      }
}

TEST(Alignment, posix_memalign_refuses_what_is_no_power_of_two_times_a_pointer_and_keeps_errno) {
  for (size_t bad :
       {size_t{0}, size_t{1}, size_t{2}, size_t{4}, size_t{7}, size_t{9}, size_t{12}, size_t{20}, size_t{24},
        size_t{48}, size_t{100}, size_t{4097}, size_t{3} << 20, size_t{3} << 62, SIZE_MAX, SIZE_MAX - 7}) {
    void* block = &block;
    errno = kUntouched;
    EXPECT_EQ(posix_memalign(&block, opaque(bad), 100), EINVAL) << bad;
    EXPECT_EQ(errno, kUntouched) << bad;
    EXPECT_EQ(block, &block) << bad;
  }
}

TEST(Alignment, posix_memalign_that_succeeds_keeps_errno) {
  for (size_t alignment = 8; alignment <= kMiB; alignment *= 2) {
    void* block = nullptr;
    errno = kUntouched;
    ASSERT_EQ(posix_memalign(&block, alignment, 300), 0);
    EXPECT_EQ(errno, kUntouched);
    free(block);
  }
}

// posix_memalign(3) leaves errno undetermined when memory is short; glibc sets it.
TEST(Alignment, posix_memalign_without_memory_says_so_in_errno_too) {
  for (size_t n : kAbsurdSizes) {
    void* block = &block;
    errno = kUntouched;
    EXPECT_EQ(posix_memalign(&block, 64, opaque(n)), ENOMEM);
    EXPECT_EQ(errno, ENOMEM) << n;
    EXPECT_EQ(block, &block) << n;
  }
}

// glibc 2.36: "the next power of two"; up to 16 any alignment is served as 16.
TEST(Alignment, memalign_rounds_up_what_is_no_power_of_two) {
  struct {
    size_t asked, given;
  } const rows[] = {{0, 16},
                    {3, 16},
                    {7, 16},
                    {12, 16},
                    {17, 32},
                    {24, 32},
                    {31, 32},
                    {33, 64},
                    {48, 64},
                    {65, 128},
                    {100, 128},
                    {1000, 1024},
                    {1025, 2048},
                    {3000, 4096},
                    {5000, 8192},
                    {65537, 131072},
                    {100000, 131072},
                    {kMiB + 1, 2 * kMiB},
                    {3 * kMiB, 4 * kMiB}};
  for (const auto& row : rows)
    for (size_t n : {size_t{0}, size_t{1}, size_t{100}, size_t{3000}, size_t{100000}}) {
      errno = kUntouched;
      expect_good(memalign(opaque(row.asked), n), row.given, n, "memalign");
      EXPECT_EQ(errno, kUntouched) << row.asked;
    }
}

TEST(Alignment, aligned_alloc_refuses_what_is_no_power_of_two) {
  if (!is_hakmem()) GTEST_SKIP() << "glibc before 2.38 rounds it up";
  for (size_t bad : {size_t{0}, size_t{3}, size_t{24}, size_t{65}, size_t{1000}, 3 * kMiB})
    for (size_t n : {size_t{0}, size_t{64}, size_t{100000}}) {
      errno = kUntouched;
      EXPECT_EQ(aligned_alloc(opaque(bad), n), nullptr) << bad;
      EXPECT_EQ(errno, EINVAL) << bad;
    }
}

TEST(Alignment, memalign_and_aligned_alloc_refuse_what_has_no_next_power_of_two) {
  for (size_t bad : {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 2, (SIZE_MAX / 2 + 1) | 4096}) {
    errno = kUntouched;
    EXPECT_EQ(memalign(opaque(bad), 100), nullptr) << bad;
    EXPECT_EQ(errno, EINVAL) << bad;
    errno = kUntouched;
    EXPECT_EQ(aligned_alloc(opaque(bad), 100), nullptr) << bad;
    EXPECT_EQ(errno, EINVAL) << bad;
  }
}

TEST(Alignment, operator_new_refuses_what_is_no_power_of_two) {
  for (size_t bad : {size_t{3}, size_t{24}, size_t{100}, SIZE_MAX}) {
    const std::align_val_t a{opaque(bad)};
    EXPECT_THROW(::operator delete(::operator new(10, a), a), std::bad_alloc) << bad;
    EXPECT_EQ(::operator new(10, a, std::nothrow), nullptr) << bad;
    EXPECT_THROW(::operator delete[](::operator new[](10, a), a), std::bad_alloc) << bad;
    EXPECT_EQ(::operator new[](10, a, std::nothrow), nullptr) << bad;
  }
}

TEST(Alignment, valloc_gives_pages_and_pvalloc_whole_ones) {
  for (size_t n : {size_t{1}, size_t{100}, size_t{4095}, size_t{4096}, size_t{4097}, size_t{100000}, kMiB + 1}) {
    expect_good(valloc(n), 4096, n, "valloc");
    void* const whole = pvalloc(n);
    ASSERT_NE(whole, nullptr);
    EXPECT_GE(malloc_usable_size(whole), (n + 4095) & ~size_t{4095});
    expect_good(whole, 4096, n, "pvalloc");
  }
}

TEST(Alignment, plain_blocks_are_aligned_to_16_at_every_size) {
  for (size_t n : edge_sizes(2 * kMiB)) {
    void* const block = malloc(n);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(aligned(block, 16)) << n;
    free(block);
  }
}

}  // namespace
}  // namespace hak::test
