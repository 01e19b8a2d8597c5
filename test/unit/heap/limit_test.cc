// The memory limit: what counts against it, what goes back before it is passed, and what passing it means.
#include "heap/limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "big/cache.h"
#include "conf/config.h"
#include "heap/process.h"
#include "heap/tick.h"
#include "large/pool.h"
#include "map/purge.h"
#include "map/span.h"
#include "os/limits.h"

namespace hak {
namespace {

class Limit : public testing::Test {
 protected:
  // Beside what other tests of this program have in use, at rest.
  void SetUp() override {
    ASSERT_TRUE(start_process());
    kept_ = conf::g_config;
    pause_.emplace();
    give_back_idle();
    before_ = map::used_units().n;
  }
  void TearDown() override {
    for (map::Span* span : spans_) map::give_span(*span, map::Age::fresh, map::Drop::wanted);
    give_back_idle();
    EXPECT_EQ(map::used_units().n, before_);
    set_limit_function(nullptr, nullptr);
    tell_of_limit();
    set_limit(uint64_t{1} << 40);
    admits(0);  // memory is well below: when all was reclaimed last is forgotten
    pause_.reset();
    conf::g_config = kept_;
    set_up_limit();
  }

  enum class Which : bool { soft, hard };
  static void set_limit(uint64_t units, Which which = Which::hard) {
    conf::g_config.limit_bytes = units << kUnitShift;
    conf::g_config.limit_hard = which == Which::hard;
    set_up_limit();
  }
  // So much more may be in use than is before the test. Returns the limit.
  uint64_t set_room(uint64_t units, Which which = Which::hard) const {
    set_limit(before_ + units, which);
    return before_ + units;
  }

  map::Span& take(uint64_t units) {
    map::Span* const span = map::take_span(Units{units}, Units{1}, map::Growth::allowed).span;
    spans_.push_back(span);
    return *span;
  }
  void give_last(map::Age age = map::Age::fresh) {
    map::give_span(*spans_.back(), age, map::Drop::wanted);
    spans_.pop_back();
  }
  static void take_into_pools() {
    for (int i = 0; i < 5; i++) {
      map::Span& span = *map::take_span(Units{4}, Units{1}, map::Growth::allowed).span;
      large::put(span.span_class, &span, 1);
    }
    map::Span& span = *map::take_span(Units{20}, Units{1}, map::Growth::allowed).span;
    big::put(span.span_class, span);
  }
  static bool admits(uint64_t units) { return Promise(Units{units}).is_granted(); }

 private:
  static void give_back_idle() {
    large::decay(0);
    big::flush();
    map::purge_dirty(Bytes{0});
  }

  conf::Config kept_{};
  std::optional<TickPause> pause_;
  uint64_t before_ = 0;
  std::vector<map::Span*> spans_;
};

// ---- what the limit is ----------------------------------------------------------------------------------------------

TEST_F(Limit, without_one_everything_is_admitted) {
  set_limit(0);
  EXPECT_EQ(g_limit_units, 0u);
  take(100);
  EXPECT_TRUE(admits(uint64_t{1} << 40));
  EXPECT_FALSE(is_near_limit());
}

TEST_F(Limit, one_in_bytes_counts_whole_units_and_is_never_none) {
  conf::g_config.limit_bytes = 10 * kUnitBytes + kUnitBytes - 1;
  set_up_limit();
  EXPECT_EQ(g_limit_units, 10u);
  conf::g_config.limit_bytes = 1;
  set_up_limit();
  EXPECT_EQ(g_limit_units, 1u);
}

// A tree that stands in for the system's, of cgroups' version 1 and 2.
TEST_F(Limit, a_share_of_the_cgroup_s_counts_where_it_is_less) {
  char folder[] = "/tmp/hakmem-limit-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string root = folder;
  ASSERT_EQ(system(("mkdir " + root + "/memory").c_str()), 0);
  for (const char* file : {"/memory.max", "/memory/memory.limit_in_bytes"}) std::ofstream(root + file) << "134217728\n";
  conf::ShortText& option = conf::g_config.cgroup;
  option = {};
  option.size = static_cast<uint8_t>(root.copy(option.bytes, conf::ShortText::kMost));
  const uint64_t group = cgroup_limit();
  const auto limit_with = [](uint64_t bytes, uint64_t share) {
    conf::g_config.limit_bytes = bytes;
    conf::g_config.limit_share = share;
    set_up_limit();
    return g_limit_units << kUnitShift;
  };
  const uint64_t half = limit_with(0, 50), more = limit_with(size_t{1} << 30, 50), less = limit_with(1 << 20, 50);
  const uint64_t none = limit_with(0, 0);
  EXPECT_EQ(system(("rm -r " + root).c_str()), 0);
  if (group == os::kUnlimited) GTEST_SKIP() << "this process is in no cgroup";
  EXPECT_EQ(group, 134'217'728u);
  EXPECT_LE(half, 64u << 20);
  EXPECT_GT(half, 63u << 20);
  EXPECT_EQ(more, half);
  EXPECT_EQ(less, 1u << 20);
  EXPECT_EQ(none, 0u);
}

// ---- what counts ----------------------------------------------------------------------------------------------------

TEST_F(Limit, what_is_in_use_counts_to_the_last_unit) {
  set_room(50);
  EXPECT_TRUE(admits(50));
  EXPECT_FALSE(admits(51));
  take(20);
  EXPECT_TRUE(admits(30));
  EXPECT_FALSE(admits(31));
  give_last();
  EXPECT_TRUE(admits(50));
}

TEST_F(Limit, what_is_free_and_resident_goes_back_where_it_would_be_too_much_and_stays_where_not) {
  const uint64_t limit = set_room(60);
  take(20);
  give_last();
  EXPECT_TRUE(admits(40));
  EXPECT_EQ(map::dirty_units().n, 20u) << "there is room for both";
  EXPECT_TRUE(admits(45));
  EXPECT_LE(map::used_units().n + map::dirty_units().n + 45, limit);
  EXPECT_FALSE(admits(61));
  EXPECT_EQ(map::dirty_units().n, 0u);
}

TEST_F(Limit, not_all_goes_back_where_a_part_is_enough) {
  set_room(100);
  take(2 * kSuperUnits);
  give_last();
  EXPECT_TRUE(admits(46)) << "10 have to go";
  EXPECT_GE(map::dirty_units().n, uint64_t{kSuperUnits});
}

TEST_F(Limit, what_the_shared_pools_keep_goes_back_before_anything_is_refused) {
  set_room(60);
  take_into_pools();
  EXPECT_TRUE(admits(20));
  EXPECT_EQ(large::idle_units().n + big::idle_units().n, 40u) << "there is room for both";
  EXPECT_TRUE(admits(60));
  EXPECT_EQ(large::idle_units().n + big::idle_units().n, 0u);
  EXPECT_EQ(map::dirty_units().n, 0u);
}

TEST_F(Limit, what_is_promised_to_one_nobody_else_is_promised) {
  set_room(60);
  {
    const Promise first(Units{40});
    EXPECT_TRUE(first.is_granted());
    EXPECT_FALSE(admits(21));
    EXPECT_TRUE(admits(20));
    std::thread([] { EXPECT_FALSE(admits(21)); }).join();
  }
  EXPECT_TRUE(admits(60)) << "it was not taken";
}

TEST_F(Limit, units_that_move_count_once) {
  set_room(60);
  take(40);
  EXPECT_FALSE(admits(30));
  {
    MovingUnits moving;
    moving.count_once(Units{10});
    EXPECT_TRUE(admits(30));
    EXPECT_FALSE(admits(31));
    {
      MovingUnits others;
      others.count_once(Units{5});
      EXPECT_TRUE(admits(35));
    }
    EXPECT_FALSE(admits(31));
  }
  EXPECT_TRUE(admits(20));
  EXPECT_FALSE(admits(21));
}

TEST_F(Limit, units_that_are_copied_after_all_count_twice_again) {
  set_room(60);
  take(40);
  {
    MovingUnits moving;
    moving.count_once(Units{10});
    moving.count_all();
    EXPECT_FALSE(admits(21));
    EXPECT_TRUE(admits(20));
  }
  EXPECT_FALSE(admits(21)) << "they count twice, not three times";
  EXPECT_TRUE(admits(20));
}

TEST_F(Limit, more_that_moves_than_is_in_use_is_all_of_it) {
  const uint64_t limit = set_room(60);
  MovingUnits moving;
  moving.count_once(Units{uint64_t{1} << 40});
  EXPECT_TRUE(admits(limit));
  EXPECT_FALSE(admits(limit + 1));
}

TEST_F(Limit, is_near_when_little_of_it_is_left_for_what_is_in_use_and_resident) {
  const uint64_t before = map::used_units().n;
  const uint64_t limit = set_room(before + 1000);
  EXPECT_FALSE(is_near_limit());
  take(limit / 16 * 15 - before);
  EXPECT_TRUE(is_near_limit());
  give_last();
  EXPECT_TRUE(is_near_limit()) << "free, but resident";
  map::purge_dirty(Bytes{0});
  EXPECT_FALSE(is_near_limit());
}

// ---- what passing it means ------------------------------------------------------------------------------------------

TEST_F(Limit, a_hard_one_is_not_passed_after_a_reclaim_either) {
  set_room(10);
  EXPECT_FALSE(admits(11));
  const AfterReclaim once_more;
  EXPECT_FALSE(admits(11));
  EXPECT_TRUE(admits(10));
}

TEST_F(Limit, a_soft_one_wants_all_reclaimed_first_and_is_passed_then) {
  set_room(10, Which::soft);
  EXPECT_TRUE(admits(10));
  EXPECT_FALSE(admits(11));
  EXPECT_FALSE(admits(11)) << "nobody did it yet";
  {
    const AfterReclaim once_more;
    EXPECT_TRUE(admits(11));
  }
}

// A reclaim takes long.
TEST_F(Limit, beyond_a_soft_one_all_is_reclaimed_again_when_a_sixteenth_more_is_in_use) {
  const uint64_t limit = set_room(160, Which::soft);
  take(160);
  {
    const AfterReclaim once_more;
    EXPECT_TRUE(admits(1));
  }
  EXPECT_TRUE(admits(1)) << "that was just now";
  take(limit / 32);
  EXPECT_TRUE(admits(1)) << "a little more only";
  take(limit / 16);
  EXPECT_FALSE(admits(1));
  {
    const AfterReclaim once_more;
    EXPECT_TRUE(admits(1));
  }
  EXPECT_TRUE(admits(1));
}

TEST_F(Limit, who_was_well_below_a_soft_one_has_all_reclaimed_when_it_is_passed_again) {
  const uint64_t limit = set_room(160, Which::soft);
  take(160);
  {
    const AfterReclaim once_more;
    EXPECT_TRUE(admits(1));
  }
  give_last();
  map::purge_dirty(Bytes{0});
  take(160 - limit / 8);
  EXPECT_TRUE(admits(1));
  take(limit / 8);
  EXPECT_FALSE(admits(1));
}

struct Told {
  int times = 0;
  size_t in_use = 0, limit = 0;
};
void tell(size_t in_use, size_t limit, void* context) {
  Told& told = *static_cast<Told*>(context);
  told = {told.times + 1, in_use, limit};
}

TEST_F(Limit, the_program_is_told_once_for_each_time_that_it_was_passed) {
  Told told;
  set_limit_function(tell, &told);
  const uint64_t limit = set_room(50);
  take(30);
  EXPECT_TRUE(admits(20));
  tell_of_limit();
  EXPECT_EQ(told.times, 0) << "it wasn't passed";
  admits(21);
  EXPECT_EQ(told.times, 0) << "not inside of locks and sections";
  tell_of_limit();
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(told.in_use, map::used_units().n << kUnitShift);
  EXPECT_EQ(told.limit, limit << kUnitShift);
  tell_of_limit();
  EXPECT_EQ(told.times, 1);
  admits(21);
  tell_of_limit();
  EXPECT_EQ(told.times, 2);
}

TEST_F(Limit, what_the_program_does_when_it_is_told_leaves_errno_alone) {
  set_limit_function([](size_t, size_t, void*) { errno = EIO; }, nullptr);
  set_room(50);
  admits(51);
  errno = ENOENT;
  tell_of_limit();
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(Limit, of_a_soft_one_the_program_is_told_when_what_is_idle_was_not_enough) {
  Told told;
  set_limit_function(tell, &told);
  set_room(50, Which::soft);
  EXPECT_FALSE(admits(51));
  tell_of_limit();
  EXPECT_EQ(told.times, 0) << "it may be enough to reclaim";
  {
    const AfterReclaim once_more;
    EXPECT_TRUE(admits(51));
  }
  tell_of_limit();
  EXPECT_EQ(told.times, 1);
}

TEST_F(Limit, a_program_that_takes_its_function_away_is_told_no_more) {
  Told told, other;
  set_limit_function(tell, &told);
  set_room(50);
  set_limit_function(tell, &other);
  admits(51);
  tell_of_limit();
  EXPECT_EQ(told.times, 0);
  EXPECT_EQ(other.times, 1);
  set_limit_function(nullptr, nullptr);
  admits(51);
  tell_of_limit();
  EXPECT_EQ(other.times, 1);
}

}  // namespace
}  // namespace hak
