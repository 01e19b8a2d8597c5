// Rent or buy: until when keeping a span is cheaper than its page faults, and what a site's habits change.
#include "big/keep.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "conf/config.h"
#include "conf/options.h"
#include "os/counters.h"
#include "os/memory.h"

namespace hak::big {
namespace {

class Keep : public testing::Test {
 protected:
  Keep() {
    conf::g_config = conf::defaults();
    set(kHour, 0);
  }
  ~Keep() override { conf::g_config = conf::defaults(); }

  static constexpr uint64_t kHour = 3'600'000;

  // price 0: memory is free, so that the decay time alone is the limit.
  static void set(uint64_t decay_ms, uint64_t price) {
    conf::g_config.decay_ms = decay_ms;
    conf::g_config.price = price;
  }

  // One of whose slot nothing is known yet.
  static Site new_site() {
    set(kHour, 0);
    static Site site = 0x5000'0000;
    for (unsigned tries = 0; tries < 1000; tries++)
      if (keep_ms(site += 4096) == kHour) return site;
    ADD_FAILURE() << "nothing is kept for as long as it may be";
    return site;
  }

  // It frees, and allocates `interval` later.
  static void come_back(Site site, uint64_t interval, int times = 1) {
    static uint64_t now = 1'000'000;
    for (int i = 0; i < times; i++) {
      note_free(site, now);
      note_allocation(site, now += interval);
      now++;
    }
  }
};

TEST_F(Keep, what_a_page_fault_costs_is_measured_once) {
  const uint64_t ns = fault_ns();
  EXPECT_GT(ns, 0u);
  const uint64_t maps = os::read(&os::Counters::maps);
  EXPECT_EQ(fault_ns(), ns);
  EXPECT_EQ(os::read(&os::Counters::maps), maps);
}

// A MiB at `price` us a second costs price ns a ms.
TEST_F(Keep, a_span_is_kept_until_its_rent_has_reached_what_its_page_faults_cost) {
  const uint64_t faults_ns = fault_ns() * ((1 << 20) / os::page_size());
  const Site site = new_site();
  for (const uint64_t price : {uint64_t{1}, uint64_t{7}, uint64_t{500}, uint64_t{2000}, faults_ns / 3, faults_ns}) {
    set(conf::kOff, price);
    const uint64_t keep = keep_ms(site);
    EXPECT_LE(keep * price, faults_ns) << price;
    EXPECT_GT((keep + 1) * price, faults_ns) << price;
  }
  set(conf::kOff, faults_ns + 1);
  EXPECT_EQ(keep_ms(site), 0u) << "not worth a ms";
}

TEST_F(Keep, nothing_is_kept_for_longer_than_the_decay_time) {
  const Site site = new_site();
  set(250, 1);
  EXPECT_EQ(keep_ms(site), 250u);
  set(0, 1);
  EXPECT_EQ(keep_ms(site), 0u);
}

TEST_F(Keep, where_memory_is_free_and_decay_is_off_spans_are_kept_for_ever) {
  const Site unknown = new_site();
  const Site late = new_site();
  come_back(late, 50'000, 5);
  set(conf::kOff, 0);
  EXPECT_EQ(keep_ms(unknown), conf::kOff);
  EXPECT_EQ(keep_ms(late), conf::kOff);
}

TEST_F(Keep, a_site_that_comes_back_just_in_time_has_its_spans_kept_and_one_that_comes_later_does_not) {
  const Site in_time = new_site();
  come_back(in_time, 1000, 5);
  const Site late = new_site();
  come_back(late, 1001, 5);
  set(1000, 0);
  EXPECT_EQ(keep_ms(in_time), 1000u);
  EXPECT_EQ(keep_ms(late), 0u);
  set(1001, 0);
  EXPECT_GE(keep_ms(late), 1001u) << "the same habit, where memory is kept for longer";
}

TEST_F(Keep, what_is_too_late_is_told_by_the_price_too) {
  const Site site = new_site();
  come_back(site, 100, 5);
  const uint64_t faults_ns = fault_ns() * ((1 << 20) / os::page_size());
  set(kHour, faults_ns / 300 + 1);  // break even before 300 ms
  EXPECT_GE(keep_ms(site), 100u);
  set(kHour, faults_ns / 50 + 1);
  EXPECT_EQ(keep_ms(site), 0u);
}

TEST_F(Keep, a_site_that_comes_back_soon_is_waited_for_but_not_until_the_rent_is_due) {
  for (const uint64_t interval : {uint64_t{0}, uint64_t{1}, uint64_t{20}, uint64_t{500}}) {
    const Site site = new_site();
    come_back(site, interval, 5);
    set(10'000, 0);
    EXPECT_GT(keep_ms(site), interval) << interval;
    EXPECT_LT(keep_ms(site), 10'000u) << interval;
  }
}

TEST_F(Keep, one_exception_does_not_change_a_habit_and_a_new_habit_does) {
  const Site site = new_site();
  come_back(site, 10, 20);
  come_back(site, 2000);
  set(1000, 0);
  EXPECT_NE(keep_ms(site), 0u);
  come_back(site, 2000, 20);
  EXPECT_EQ(keep_ms(site), 0u);
  come_back(site, 10);
  EXPECT_EQ(keep_ms(site), 0u);
  come_back(site, 10, 20);
  EXPECT_NE(keep_ms(site), 0u);
}

TEST_F(Keep, only_the_first_allocation_after_a_free_ends_an_interval) {
  const Site site = new_site();
  note_allocation(site, 5);
  note_allocation(site, 500'000);
  set(1000, 0);
  EXPECT_EQ(keep_ms(site), 1000u) << "it never freed";
  come_back(site, 10);
  const uint64_t keep = keep_ms(site);
  for (uint64_t at = 2'000'000; at < 60'000'000; at += 1'000'000) note_allocation(site, at);
  EXPECT_EQ(keep_ms(site), keep);
}

TEST_F(Keep, an_interval_begins_with_the_last_free) {
  const Site site = new_site();
  note_free(site, 1);
  note_free(site, 100'000);
  note_allocation(site, 100'010);
  set(1000, 0);
  EXPECT_NE(keep_ms(site), 0u);
}

// Two threads look at the clock and write in another order.
TEST_F(Keep, an_allocation_that_seems_to_come_before_the_free_comes_soon) {
  const Site site = new_site();
  note_free(site, 1000);
  note_allocation(site, 990);
  set(1000, 0);
  EXPECT_NE(keep_ms(site), 0u);
  EXPECT_LT(keep_ms(site), 1000u);
}

TEST_F(Keep, each_site_has_its_own_habit) {
  const Site late = new_site();
  come_back(late, 50'000, 5);
  const Site soon = new_site();
  come_back(soon, 1, 5);
  const Site unknown = new_site();
  set(1000, 0);
  EXPECT_EQ(keep_ms(late), 0u);
  EXPECT_LT(keep_ms(soon), 1000u);
  EXPECT_EQ(keep_ms(unknown), 1000u);
}

TEST_F(Keep, many_threads_of_one_habit_are_one_site_of_that_habit) {
  const Site site = new_site();
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; k++)
    threads.emplace_back([site] {
      for (int i = 0; i < 20'000; i++) {
        note_free(site, 1000);
        note_allocation(site, 1010);
      }
    });
  for (std::thread& thread : threads) thread.join();
  set(1000, 0);
  EXPECT_GE(keep_ms(site), 10u);
  EXPECT_LE(keep_ms(site), 100u);
}

}  // namespace
}  // namespace hak::big
