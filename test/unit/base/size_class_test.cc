#include "base/size_class.h"

#include <gtest/gtest.h>

#include "base/bits.h"

namespace hak {
namespace {

TEST(SizeClass, every_size_fits_the_smallest_class_that_holds_it) { EXPECT_TRUE(detail::sizes_fit_their_class()); }

TEST(SizeClass, the_looked_up_class_is_the_computed_one) {
  for (size_t n = kTinyMax + 1; n <= kMidMax; n++) ASSERT_EQ(mid_class(n), mid_class_computed(n)) << n;
}

TEST(SizeClass, a_slab_wastes_at_most_a_sixteenth) {
  for (unsigned c = 0; c < kClasses; c++) {
    const SizeClass& k = size_class(c);
    const size_t span = size_t{k.units} << kUnitShift;
    EXPECT_LE((span - size_t{k.blocks} * k.block_bytes) * 16, span) << c;
    EXPECT_GE(k.blocks, 8) << c;
  }
}

TEST(Bits, run_starts_are_those_of_a_search_bit_by_bit) {
  uint32_t mask = 0x9E3779B9;
  for (int round = 0; round < 200; round++) {
    mask = mask * 1664525u + 1013904223u;
    for (unsigned n = 1; n <= 32; n++) {
      uint32_t slow = 0;
      for (unsigned i = 0; i + n <= 32; i++)
        if ((mask >> i & bit_run(0, n)) == bit_run(0, n)) slow |= 1u << i;
      ASSERT_EQ(run_starts(mask, n), slow) << mask << " " << n;
    }
  }
}

}  // namespace
}  // namespace hak
