// What is given back to the system, and when: at the second tick, or as soon as that is asked for; and what stays when
// the kernel refuses.
#include "map/purge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <thread>
#include <vector>

#include "heap/process.h"
#include "map/super_slab.h"
#include "os/counters.h"
#include "os/fault.h"
#include "os/memory.h"

namespace hak::map {
namespace {

class Purge : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_process());
    purge_dirty(Bytes{0});
  }
  void TearDown() override {
    os::fault::disarm();
    purge_dirty(Bytes{0});
    EXPECT_EQ(dirty_units(), Units{0});
    EXPECT_EQ(broken_super_slab_rule(), nullptr);
  }

  // Resident, each byte `fill`.
  static UnitRun take(uint64_t n, int fill = 0xAB) {
    const UnitRun run = take_units(Units{n}, Units{1}, Kind::spans, Growth::allowed);
    EXPECT_EQ(run.count, n);
    memset(address_of(run.first), fill, n * kUnitBytes);
    return run;
  }
  static void give(const UnitRun& run, Age age = Age::fresh) { give_units(run.first, Units{run.count}, age); }
  static void give(const UnitRun& run, uint32_t first, uint32_t count) {
    give_units(run.first + first, Units{count}, Age::fresh);
  }

  static uint64_t resident_units(const UnitRun& run) {
    return os::resident_pages(address_of(run.first), run.count * kUnitBytes) * os::page_size() / kUnitBytes;
  }
  static bool has_all(const UnitRun& run, uint32_t first, uint32_t count, unsigned char byte) {
    const auto* const from = static_cast<const unsigned char*>(address_of(run.first + first));
    for (size_t i = 0; i < count * kUnitBytes; i += 509)
      if (from[i] != byte) return false;
    return true;
  }
};

TEST_F(Purge, units_stay_resident_for_one_tick_and_go_with_the_second) {
  const UnitRun run = take(5);
  give(run);
  purge_aged();
  EXPECT_EQ(dirty_units().n, 5u);
  EXPECT_EQ(resident_units(run), 5u);
  const uint64_t purged = os::read(&os::Counters::purged_bytes);
  purge_aged();
  EXPECT_EQ(dirty_units().n, 0u);
  EXPECT_EQ(resident_units(run), 0u);
  EXPECT_EQ(os::read(&os::Counters::purged_bytes) - purged, 5 * kUnitBytes);
  EXPECT_TRUE(has_all(run, 0, 5, 0));
}

TEST_F(Purge, what_was_idle_already_goes_with_the_next_tick_and_what_became_free_since_stays) {
  const UnitRun idle = take(7);
  const UnitRun fresh = take(4);
  give(fresh);
  give(idle, Age::aged);
  purge_aged();
  EXPECT_EQ(resident_units(idle), 0u);
  EXPECT_EQ(resident_units(fresh), 4u);
  EXPECT_EQ(dirty_units().n, 4u);
}

TEST_F(Purge, units_that_were_used_between_the_ticks_are_as_new) {
  const UnitRun run = take(6);
  give(run);
  purge_aged();
  const UnitRun again = take_units(Units{6}, Units{1}, Kind::spans, Growth::resident);
  ASSERT_EQ(again.first, run.first);
  EXPECT_FALSE(again.clean);
  purge_aged();
  EXPECT_EQ(resident_units(run), 6u) << "in use";
  EXPECT_TRUE(has_all(run, 0, 6, 0xAB));
  give(again);
  purge_aged();
  EXPECT_EQ(dirty_units().n, 6u) << "freed since the last tick";
  purge_aged();
  EXPECT_EQ(dirty_units().n, 0u);
}

TEST_F(Purge, on_demand_all_goes_whatever_its_age) {
  const UnitRun aged = take(3);
  const UnitRun fresh = take(40);
  give(aged, Age::aged);
  give(fresh);
  EXPECT_EQ(purge_dirty(Bytes{0}).n, 43 * kUnitBytes);
  EXPECT_EQ(resident_units(aged) + resident_units(fresh), 0u);
  EXPECT_EQ(purge_dirty(Bytes{0}).n, 0u) << "there is nothing left";
}

// A SuperSlab at a time: less than one more than it has to.
TEST_F(Purge, what_is_to_be_kept_stays_and_about_as_much_goes_as_has_to) {
  for (const uint64_t keep : {0, 1, 40, 64, 100, 128, 500}) {
    const UnitRun run = take(4 * kSuperUnits);
    give(run);
    const uint64_t purged = purge_dirty(bytes(Units{keep})).n / kUnitBytes;
    EXPECT_EQ(purged + dirty_units().n, 4 * kSuperUnits) << keep;
    EXPECT_EQ(resident_units(run), dirty_units().n) << keep;
    EXPECT_LE(dirty_units().n, keep);
    EXPECT_GT(dirty_units().n + kSuperUnits, std::min<uint64_t>(keep, 4 * kSuperUnits));
    purge_dirty(Bytes{0});
  }
}

TEST_F(Purge, neighbours_in_use_keep_what_they_hold) {
  const UnitRun run = take(20);
  for (uint32_t i = 0; i < 20; i += 4) give(run, i, 2);
  EXPECT_EQ(purge_dirty(Bytes{0}).n, 10 * kUnitBytes);
  for (uint32_t i = 0; i < 20; i += 4) {
    EXPECT_TRUE(has_all(run, i, 2, 0)) << i;
    EXPECT_TRUE(has_all(run, i + 2, 2, 0xAB)) << i;
    give(run, i + 2, 2);
  }
}

TEST_F(Purge, what_a_tick_was_refused_stays_as_it_is_and_goes_later) {
  const UnitRun run = take(5);
  give(run);
  purge_aged();
  os::fault::arm({.call = os::fault::Call::purge, .error = EINVAL});
  const uint64_t refused = os::read(&os::Counters::purge_refused);
  purge_aged();
  EXPECT_GT(os::read(&os::Counters::purge_refused), refused);
  EXPECT_EQ(dirty_units().n, 5u);
  EXPECT_TRUE(has_all(run, 0, 5, 0xAB));
  EXPECT_EQ(broken_super_slab_rule(), nullptr);
  os::fault::disarm();
  purge_aged();
  purge_aged();
  EXPECT_EQ(dirty_units().n, 0u);
  EXPECT_EQ(resident_units(run), 0u);
}

TEST_F(Purge, one_refused_run_does_not_keep_the_others) {
  const UnitRun run = take(9);
  give(run, 0, 2);
  give(run, 3, 3);
  give(run, 7, 1);
  os::fault::arm({.call = os::fault::Call::purge, .from = 2, .times = 1, .error = EINVAL});
  EXPECT_EQ(purge_dirty(Bytes{0}).n, 3 * kUnitBytes) << "what was refused isn't given back";
  EXPECT_EQ(os::fault::refused_count(os::fault::Call::purge), 1u);
  EXPECT_EQ(dirty_units().n, 3u);
  EXPECT_TRUE(has_all(run, 3, 3, 0xAB));
  EXPECT_TRUE(has_all(run, 0, 2, 0) && has_all(run, 7, 1, 0));
  for (const uint32_t first : {2u, 6u, 8u}) give(run, first, 1);
}

// Refused units are no clean ones: who takes them is told that they aren't zero.
TEST_F(Purge, what_was_refused_is_handed_out_as_dirty) {
  const UnitRun run = take(5);
  give(run);
  os::fault::arm({.call = os::fault::Call::purge, .error = EINVAL});
  purge_dirty(Bytes{0});
  const UnitRun again = take_units(Units{5}, Units{1}, Kind::spans, Growth::allowed);
  EXPECT_EQ(again.first, run.first);
  EXPECT_FALSE(again.clean);
  give(again);
}

// A unit that were purged while it is in use would have lost its byte, one that is said to be clean has none.
TEST_F(Purge, disturbs_nobody_who_takes_and_gives_units_meanwhile) {
  constexpr int kThreads = 3, kRounds = 1500;
  const uint64_t used = used_units().n;
  std::atomic<int> at_work{kThreads};
  std::barrier together(kThreads + 1);
  std::vector<std::thread> threads;
  for (int k = 1; k <= kThreads; k++)
    threads.emplace_back([&, k] {
      together.arrive_and_wait();
      for (int round = 0; round < kRounds; round++) {
        const UnitRun run = take_units(Units{static_cast<uint64_t>(1 + round % 40)}, Units{1}, Kind::spans,
                                       round % 2 == 0 ? Growth::allowed : Growth::roomy);
        bool is_mine = run.count != 0;
        for (uint32_t i = 0; i < run.count; i++) {
          char* const p = static_cast<char*>(address_of(run.first + i));
          is_mine &= !run.clean || *p == 0;
          *p = static_cast<char>(k);
        }
        for (uint32_t i = 0; i < run.count; i++) is_mine &= *static_cast<char*>(address_of(run.first + i)) == k;
        EXPECT_TRUE(is_mine) << round;
        give(run, round % 3 == 0 ? Age::aged : Age::fresh);
      }
      at_work--;
    });
  together.arrive_and_wait();
  for (int i = 0; at_work > 0; i++) {
    if (i % 2 == 0) purge_aged();
    else purge_dirty(bytes(Units{20}));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(used_units().n, used);
}

}  // namespace
}  // namespace hak::map
