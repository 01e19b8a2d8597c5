#include "map/super_slab.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "heap/process.h"
#include "map/purge.h"
#include "map/span.h"
#include "os/counters.h"
#include "os/fault.h"
#include "unit/map/mapping_flag.h"

namespace hak::map {
namespace {

class SuperSlabs : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(start_process()); }
  void TearDown() override {
    os::fault::disarm();
    EXPECT_EQ(broken_super_slab_rule(), nullptr);
  }
  static UnitRun take(uint64_t n, uint64_t align = 1, Kind kind = Kind::spans) {
    return take_units(Units{n}, Units{align}, kind, Growth::allowed);
  }
  static void give(const UnitRun& run) { give_units(run.first, Units{run.count}); }
};

TEST_F(SuperSlabs, headroom_goes_back_as_it_came) {
  purge_dirty(Bytes{0});
  const auto grown = [](uint64_t end) {
    const SpanRef ref = take_roomy_span(Units{200}, Units{100});
    EXPECT_EQ(ref.zero, Zero::known);
    use_roomy_span(*ref.span, Units{120});
    if (end != 0) shrink_span(*ref.span, Units{end});
    give_span(*ref.span, Age::fresh, Drop::unkept);
    const uint64_t dirty = dirty_units().n;
    purge_dirty(Bytes{0});
    return dirty;
  };
  EXPECT_EQ(grown(0), 120u);
  EXPECT_EQ(grown(90), 120u);
  EXPECT_EQ(grown(150), 150u) << "all that is left may have been touched";
}

TEST_F(SuperSlabs, a_resident_run_is_resident_as_a_whole) {
  purge_dirty(Bytes{0});
  const UnitRun run = take(3 * kSuperUnits);
  give_units(run.first, Units{run.count}, Age::untouched);
  for (uint32_t super = 0; super < 3; super++) {
    const os::LockGuard guard(g_map_lock);
    ASSERT_TRUE(take_units_at_held(run.first + super * kSuperUnits, Units{20}));
    give_units_held(run.first + super * kSuperUnits, Units{20});
  }
  EXPECT_EQ(take_units(Units{40}, Units{1}, Kind::spans, Growth::resident).count, 0u) << "but for 24 of them";
  const UnitRun part = take_units(Units{20}, Units{1}, Kind::spans, Growth::resident);
  EXPECT_EQ(part.count, 20u);
  give(part);
  purge_dirty(Bytes{0});
}

// The first of a SuperSlab's units decides.
TEST_F(SuperSlabs, huge_pages_are_asked_for_in_untouched_super_slabs_of_slabs) {
  const auto take_huge = [](Kind kind) { return take_units(Units{kSuperUnits}, Units{1}, kind, Growth::roomy); };
  const UnitRun room = take_huge(Kind::spans);  // there is an untouched one
  give_units(room.first, Units{room.count}, Age::untouched);
  purge_dirty(Bytes{0});
  const UnitRun one = take_units(Units{20}, Units{1}, Kind::slabs, Growth::allowed, os::Huge::yes);
  const UnitRun two = take_units(Units{12}, Units{1}, Kind::slabs, Growth::allowed);
  EXPECT_EQ(two.huge, one.huge) << "the rest of the same SuperSlab";
  EXPECT_EQ(one.huge, os::read(&os::Counters::huge_refused) == 0);
  give(one);
  give(two);
  const UnitRun dirty = take_units(Units{20}, Units{1}, Kind::spans, Growth::allowed, os::Huge::yes);
  EXPECT_TRUE(dirty.huge || !one.huge) << "what is touched stays as it is";
  give(dirty);
  purge_dirty(Bytes{0});
  const UnitRun span = take_units(Units{20}, Units{1}, Kind::spans, Growth::allowed, os::Huge::yes);
  EXPECT_FALSE(span.huge) << "spans are touched sparsely";
  give(span);
}

// Where THP is always on, too: a small process stays small.
TEST_F(SuperSlabs, no_huge_page_comes_unasked) {
  const UnitRun run = take(1, 1, Kind::slabs);
  const bool is_small = has_mapping_flag(run.first, "nh");
  give(run);
  if (os::read(&os::Counters::huge_refused) != 0) GTEST_SKIP() << "there are no huge pages here";
  EXPECT_TRUE(is_small);
}

// The kernel's khugepaged makes a huge page of the few pages that are left, some 10 s later.
TEST_F(SuperSlabs, where_a_part_goes_back_no_huge_page_is_to_bring_it_again) {
  const auto take_huge = [](uint64_t n) {
    return take_units(Units{n}, Units{1}, Kind::slabs, Growth::allowed, os::Huge::yes);
  };
  const UnitRun stays = take_huge(1);
  if (!stays.huge) {
    give(stays);
    GTEST_SKIP() << "there are no huge pages here";
  }
  EXPECT_TRUE(has_mapping_flag(stays.first, "hg"));
  const UnitRun goes = take_huge(5);
  ASSERT_EQ(goes.first / kSuperUnits, stays.first / kSuperUnits);
  memset(address_of(goes.first), 1, kUnitBytes);
  give(goes);
  purge_dirty(Bytes{0});
  EXPECT_TRUE(has_mapping_flag(stays.first, "nh"));
  give(stays);
  purge_dirty(Bytes{0});
  const UnitRun again = take_huge(1);
  EXPECT_TRUE(again.huge) << "it was empty in between";
  EXPECT_TRUE(has_mapping_flag(again.first, "hg"));
  keep_small(again.first, Units{1});
  EXPECT_TRUE(has_mapping_flag(again.first, "nh"));
  const uint64_t advices = os::read(&os::Counters::huge_advices);
  keep_small(again.first, Units{1});
  EXPECT_EQ(os::read(&os::Counters::huge_advices), advices);
  give(again);
}

TEST_F(SuperSlabs, runs_of_random_lengths_never_overlap_and_all_come_back) {
  std::mt19937 random(7);
  const uint64_t used_before = used_units().n;
  std::vector<UnitRun> runs;
  std::vector<uint8_t> taken(1 << 16);
  for (int step = 0; step < 4000; step++) {
    if (runs.empty() || random() % 5 < 3) {
      const uint64_t n = random() % 8 == 0 ? 33 + random() % 200 : 1 + random() % 31;
      const UnitRun run = take(n, 1, random() % 2 == 0 ? Kind::slabs : Kind::spans);
      ASSERT_EQ(run.count, n);
      for (uint32_t u = run.first; u < run.first + n; u++) {
        ASSERT_EQ(taken[u], 0) << "unit " << u << " is taken twice";
        taken[u] = 1;
      }
      runs.push_back(run);
    } else {
      const size_t i = random() % runs.size();
      for (uint32_t u = runs[i].first; u < runs[i].first + runs[i].count; u++) taken[u] = 0;
      give(runs[i]);
      runs[i] = runs.back();
      runs.pop_back();
    }
    if (step % 500 == 0) {
      ASSERT_EQ(broken_super_slab_rule(), nullptr);
    }
    if (runs.size() > 150)
      while (runs.size() > 50) {
        for (uint32_t u = runs.back().first; u < runs.back().first + runs.back().count; u++) taken[u] = 0;
        give(runs.back());
        runs.pop_back();
      }
  }
  for (const UnitRun& run : runs) give(run);
  EXPECT_EQ(used_units().n, used_before);
}

TEST_F(SuperSlabs, an_aligned_run_begins_at_its_alignment) {
  for (uint64_t align = 1; align <= 1024; align *= 2) {
    const UnitRun run = take(3, align);
    ASSERT_EQ(run.count, 3u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(address_of(run.first)) % (align << kUnitShift), 0u) << align;
    give(run);
  }
}

TEST_F(SuperSlabs, purged_units_are_clean_and_read_as_zero) {
  const UnitRun run = take(5);
  memset(address_of(run.first), 0xAB, 5 * kUnitBytes);
  give(run);
  EXPECT_GE(dirty_units().n, 5u);
  purge_dirty(Bytes{0});
  EXPECT_EQ(dirty_units().n, 0u);
  const UnitRun again = take(5);
  EXPECT_TRUE(again.clean);
  const auto* bytes = static_cast<const unsigned char*>(address_of(again.first));
  for (size_t i = 0; i < 5 * kUnitBytes; i += 512) ASSERT_EQ(bytes[i], 0);
  give(again);
}

TEST_F(SuperSlabs, what_the_kernel_refuses_to_purge_stays_dirty) {
  give(take(4));
  const uint64_t dirty = dirty_units().n;
  ASSERT_GT(dirty, 0u);
  os::fault::arm({.call = os::fault::Call::purge, .error = EINVAL});
  EXPECT_EQ(purge_dirty(Bytes{0}).n, 0u);
  EXPECT_EQ(dirty_units().n, dirty);
}

TEST_F(SuperSlabs, without_memory_a_run_is_refused_and_nothing_is_lost) {
  os::fault::arm({.call = os::fault::Call::map});
  os::fault::arm({.call = os::fault::Call::commit});
  const uint64_t used = used_units().n;
  EXPECT_EQ(take(100'000).count, 0u);
  EXPECT_EQ(used_units().n, used);
  os::fault::disarm();
  const UnitRun run = take(100);
  EXPECT_EQ(run.count, 100u);
  give(run);
}

TEST_F(SuperSlabs, rebuilding_from_the_page_map_finds_what_is_in_use) {
  const SpanRef small = take_span(Units{3}, Units{1}, Growth::allowed);
  const SpanRef big = take_span(Units{70}, Units{1}, Growth::allowed);
  ASSERT_NE(big.span, nullptr);
  const uint64_t used = used_units().n;
  rebuild_super_slabs();
  EXPECT_EQ(used_units().n, used);
  EXPECT_EQ(broken_super_slab_rule(), nullptr);
  EXPECT_EQ(span_around(static_cast<char*>(start_of(*big.span)) + 69 * kUnitBytes), big.span);
  give_span(*small.span, Age::fresh, Drop::wanted);
  give_span(*big.span, Age::fresh, Drop::wanted);
}

TEST_F(SuperSlabs, a_span_grows_into_free_neighbours_and_shrinks) {
  const SpanRef ref = take_span(Units{40}, Units{1}, Growth::allowed);
  ASSERT_NE(ref.span, nullptr);
  shrink_span(*ref.span, Units{10});
  EXPECT_EQ(bytes_of(*ref.span).n, 10 * kUnitBytes);
  EXPECT_TRUE(extend_span(*ref.span, Units{40}));
  EXPECT_EQ(broken_super_slab_rule(), nullptr);
  give_span(*ref.span, Age::fresh, Drop::wanted);
}

}  // namespace
}  // namespace hak::map
