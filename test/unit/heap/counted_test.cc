// The derived counters against counts on the fast paths, where the build has them (HAKMEM_COUNTERS=1).
#include "heap/counted.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "heap/allocate.h"
#include "heap/statistics.h"

namespace hak {
namespace {

constexpr size_t kSizes[] = {0, 16, 600, 5000, 60'000, 300'000, 3'000'000};

TEST(Counted, derived_counters_agree_and_a_block_too_few_is_seen) {
  if (!kCounters) GTEST_SKIP() << "only builds with HAKMEM_COUNTERS=1 count on the fast paths";
  std::vector<void*> blocks;
  for (int round = 0; round < 300; round++)
    for (const size_t size : kSizes) blocks.push_back(allocate(size));
  std::thread([&] {
    for (size_t i = 0; i < blocks.size(); i += 2) free_fast(blocks[i]);
  }).join();
  for (size_t i = 1; i < blocks.size(); i += 4) free_fast(blocks[i]);

  static hakmem_statistics derived;
  collect_statistics(&derived);
  EXPECT_EQ(broken_counter_rule(derived), nullptr);
  EXPECT_GE(derived.tiers[HAKMEM_TIER_NONE].allocations, blocks.size());

  count_allocation(3);
  EXPECT_NE(broken_counter_rule(derived), nullptr);
  g_counted.allocations[3].fetch_sub(1);
  count_free(3);
  EXPECT_NE(broken_counter_rule(derived), nullptr);
  discount_free(3);
  EXPECT_EQ(broken_counter_rule(derived), nullptr);

  for (size_t i = 3; i < blocks.size(); i += 4) free_fast(blocks[i]);
}

}  // namespace
}  // namespace hak
