// Sizes that nobody can serve: each function says so by null (or an exception) and errno, and takes nothing.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>

#include "contract/functions.h"
#include "support/allocator.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

constexpr int kUntouched = 7777;

TEST(AbsurdSizes, give_null_and_enomem_through_every_function) {
  for (const Function& f : kCFunctions)
    for (size_t n : kAbsurdSizes) {
      errno = kUntouched;
      void* const block = f.allocate(opaque(n));
      EXPECT_EQ(block, nullptr) << f.name << ", n = " << n;
      EXPECT_EQ(errno, ENOMEM) << f.name << ", n = " << n;
      free(block);
    }
}

TEST(AbsurdSizes, leave_the_old_block_of_a_realloc_as_it_was) {
  for (size_t old : tier_sizes(5 * kMiB)) {
    if (old == 0) continue;
    unsigned char* const block = static_cast<unsigned char*>(malloc(opaque(old)));
    ASSERT_NE(block, nullptr);
    block[0] = 0x5a;
    block[old - 1] = 0x5a;
    for (size_t n : kAbsurdSizes) {
      errno = kUntouched;
      EXPECT_EQ(realloc(block, opaque(n)), nullptr) << old << " to " << n;
      EXPECT_EQ(errno, ENOMEM) << old << " to " << n;
      errno = kUntouched;
      EXPECT_EQ(reallocarray(block, 1, opaque(n)), nullptr) << old << " to " << n;
      EXPECT_EQ(errno, ENOMEM) << old << " to " << n;
    }
    EXPECT_EQ(block[0], 0x5a) << old;
    EXPECT_EQ(block[old - 1], 0x5a) << old;
    EXPECT_GE(malloc_usable_size(block), old);
    free(block);
  }
}

struct Product {
  size_t count, size;
};

constexpr Product kOverflowing[] = {
    // products that wrap round, some of them to a small number or to 0
    {SIZE_MAX, 2},
    {2, SIZE_MAX},
    {SIZE_MAX, SIZE_MAX},
    {SIZE_MAX / 2 + 1, 2},
    {size_t{1} << 32, size_t{1} << 32},
    {size_t{1} << 63, 2},
    {size_t{1} << 33, size_t{1} << 31},
    {(size_t{1} << 32) + 1, (size_t{1} << 32) + 1},
    {3, SIZE_MAX / 3 + 1},
    {SIZE_MAX / 16 + 1, 16},
    {SIZE_MAX / 24 + 2, 24},
    {65535, SIZE_MAX / 65535 + 1},
};

constexpr Product kTooLarge[] = {
    // products that do not wrap, and are absurd
    {size_t{1} << 31, size_t{1} << 31},
    {size_t{1} << 30, size_t{1} << 32},
    {PTRDIFF_MAX, 1},
    {1, PTRDIFF_MAX},
    {PTRDIFF_MAX / 2, 2},
    {SIZE_MAX, 1},
};

template <size_t kCount>
void expect_refused(const Product (&products)[kCount]) {
  for (const Product& p : products) {
    errno = kUntouched;
    EXPECT_EQ(calloc(opaque(p.count), opaque(p.size)), nullptr) << p.count << " x " << p.size;
    EXPECT_EQ(errno, ENOMEM) << "calloc " << p.count << " x " << p.size;
    errno = kUntouched;
    EXPECT_EQ(reallocarray(nullptr, opaque(p.count), opaque(p.size)), nullptr) << p.count << " x " << p.size;
    EXPECT_EQ(errno, ENOMEM) << "reallocarray " << p.count << " x " << p.size;
    char* const old = static_cast<char*>(malloc(100));
    strcpy(old, "kept");
    errno = kUntouched;
    EXPECT_EQ(reallocarray(old, opaque(p.count), opaque(p.size)), nullptr) << p.count << " x " << p.size;
    EXPECT_EQ(errno, ENOMEM) << "reallocarray " << p.count << " x " << p.size;
    EXPECT_STREQ(old, "kept");
    free(old);
  }
}

TEST(AbsurdSizes, products_that_overflow_are_refused) { expect_refused(kOverflowing); }

TEST(AbsurdSizes, products_that_are_absurd_are_refused) { expect_refused(kTooLarge); }

TEST(AbsurdSizes, alignment_and_size_that_overflow_together_are_refused) {
  for (unsigned shift = 27; shift < 64; shift++) {
    const size_t alignment = size_t{1} << shift;
    for (size_t n : {SIZE_MAX, SIZE_MAX - alignment, SIZE_MAX - alignment + 1, SIZE_MAX - alignment - 4096,
                     PTRDIFF_MAX - alignment / 2, alignment < PTRDIFF_MAX ? PTRDIFF_MAX - alignment : PTRDIFF_MAX}) {
      if (n < size_t{1} << 48) continue;  // could be served
      errno = kUntouched;
      EXPECT_EQ(memalign(opaque(alignment), opaque(n)), nullptr) << alignment << ", " << n;
      EXPECT_EQ(errno, ENOMEM) << "memalign " << alignment << ", " << n;
      errno = kUntouched;
      EXPECT_EQ(aligned_alloc(opaque(alignment), opaque(n)), nullptr) << alignment << ", " << n;
      EXPECT_EQ(errno, ENOMEM) << "aligned_alloc " << alignment << ", " << n;
      void* block = &block;
      EXPECT_EQ(posix_memalign(&block, opaque(alignment), opaque(n)), ENOMEM) << alignment << ", " << n;
      EXPECT_EQ(block, &block) << "posix_memalign that fails leaves the pointer alone";
    }
  }
}

TEST(AbsurdSizes, alignments_that_nobody_can_serve_are_refused_even_for_one_byte) {
  for (unsigned shift = 57; shift < 64; shift++) {
    const size_t alignment = size_t{1} << shift;
    errno = kUntouched;
    EXPECT_EQ(memalign(opaque(alignment), 1), nullptr) << alignment;
    EXPECT_EQ(errno, ENOMEM) << alignment;
    errno = kUntouched;
    EXPECT_EQ(aligned_alloc(opaque(alignment), 1), nullptr) << alignment;
    EXPECT_EQ(errno, ENOMEM) << alignment;
    void* block = nullptr;
    EXPECT_EQ(posix_memalign(&block, opaque(alignment), 1), ENOMEM) << alignment;
  }
}

TEST(AbsurdSizes, pvalloc_that_would_round_past_the_end_is_refused) {
  for (size_t below = 0; below <= 4097; below++) {
    errno = kUntouched;
    ASSERT_EQ(pvalloc(opaque(SIZE_MAX - below)), nullptr) << below;
    ASSERT_EQ(errno, ENOMEM) << below;
  }
}

TEST(AbsurdSizes, operator_new_throws_bad_alloc_and_nothrow_gives_null) {
  for (const NewFunction& f : kNewFunctions)
    for (size_t n : kAbsurdSizes) {
      // libstdc++ 12 rounds the size up to the alignment, past the end, and gives a block of a few bytes
      if (!is_hakmem() && n > SIZE_MAX - f.alignment) continue;
      bool thrown = false;
      void* block = nullptr;
      try {
        block = f.allocate(opaque(n));
      } catch (const std::bad_alloc& e) {
        thrown = true;
        EXPECT_STREQ(e.what(), "std::bad_alloc") << f.name;
      }
      EXPECT_EQ(block, nullptr) << f.name << ", n = " << n;
      EXPECT_EQ(thrown, f.throws) << f.name << ", n = " << n;
    }
}

TEST(AbsurdSizes, new_of_a_type_throws_through_the_standard_library_too) {
  EXPECT_THROW(std::make_unique<char[]>(opaque(size_t{PTRDIFF_MAX})), std::bad_alloc);
  EXPECT_THROW(std::string().reserve(opaque(size_t{1} << 61)), std::bad_alloc);
  EXPECT_THROW(delete[] opaque(new double[opaque(size_t{1} << 58)]), std::bad_alloc);
  EXPECT_EQ(opaque(new (std::nothrow) double[opaque(size_t{1} << 58)]), nullptr);
}

TEST(AbsurdSizes, an_array_length_that_overflows_throws_bad_array_new_length) {
  EXPECT_THROW(delete[] opaque(new double[opaque(size_t{1} << 62)]), std::bad_array_new_length);
  EXPECT_THROW(delete[] opaque(new double[opaque(-1)]), std::bad_array_new_length);
  EXPECT_THROW((delete[] opaque(new std::array<char, 1000>[opaque(SIZE_MAX / 999)])), std::bad_array_new_length);
}

TEST(AbsurdSizes, good_size_is_zero_where_no_block_can_exist) {
  if (!is_hakmem()) GTEST_SKIP() << "hakmem's own";
  for (size_t n : kAbsurdSizes) EXPECT_EQ(hakmem()->good_size(n), 0u) << n;
}

TEST(AbsurdSizes, leave_nothing_behind) {
  if (!is_hakmem()) GTEST_SKIP() << "needs hakmem's counters";
  hakmem_statistics before, after;
  hakmem()->stats(&before, sizeof before);
  for (int round = 0; round < 3; round++) {
    for (const Function& f : kCFunctions)
      for (size_t n : kAbsurdSizes) EXPECT_EQ(f.allocate(opaque(n)), nullptr);
    for (const NewFunction& f : kNewFunctions)
      for (size_t n : kAbsurdSizes) try {
          EXPECT_EQ(f.allocate(opaque(n)), nullptr);
        } catch (const std::bad_alloc&) {
        }
  }
  hakmem()->stats(&after, sizeof after);
  EXPECT_EQ(after.tiers[0].live_blocks, before.tiers[0].live_blocks);
  EXPECT_EQ(after.tiers[0].live_bytes, before.tiers[0].live_bytes);
  EXPECT_LE(after.os.in_use_bytes, before.os.in_use_bytes);
}

}  // namespace
}  // namespace hak::test
