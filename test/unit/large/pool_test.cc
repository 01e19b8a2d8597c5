// The shared pool of the large tier: a site gets what it freed, then what others did; and how long spans stay.
#include "large/pool.h"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>
#include <vector>

#include "conf/config.h"
#include "conf/options.h"
#include "map/purge.h"

namespace hak::large {
namespace {

constexpr unsigned kClass = 3;

// A site of each slot.
constexpr Site site_of(unsigned slot) {
  Site site = 0x401000;
  while (slot_of(site) != slot) site++;
  return site;
}

class LargePool : public testing::Test {
 protected:
  LargePool() {
    static const bool ready = [] {
      conf::g_config = conf::defaults();
      return map::init_window(Bytes{uint64_t{1} << 36});
    }();
    EXPECT_TRUE(ready);
  }
  ~LargePool() override {
    decay(0);
    EXPECT_EQ(idle_units(), Units{0});
    EXPECT_EQ(map::count_spans(kClass).spans, 0u);
    EXPECT_EQ(map::broken_super_slab_rule(), nullptr);
  }

  static map::Span& span_of(unsigned slot, unsigned c = kClass) {
    map::Span* const span = map::take_span(Units{span_class_units(c)}, Units{1}, map::Growth::allowed).span;
    span->site = site_of(slot);
    return *span;
  }
  static map::Span& put_new(unsigned slot, unsigned c = kClass) {
    map::Span& span = span_of(slot, c);
    put(c, &span, 1);
    return span;
  }
  static std::vector<map::Span*> spans_in(const Taken& taken) {
    std::vector<map::Span*> spans;
    for (map::Span* span = taken.list; span != nullptr; span = span->next) spans.push_back(span);
    EXPECT_EQ(spans.size(), taken.count) << "the list has as many as its count says";
    return spans;
  }
  static void give_all(const Taken& taken) {
    for (map::Span* span : spans_in(taken)) map::give_span(*span, map::Age::fresh, map::Drop::wanted);
  }
};

using Spans = std::vector<map::Span*>;

TEST_F(LargePool, a_site_gets_what_it_freed_newest_first_and_no_more_than_it_asked_for) {
  Spans put_spans;
  for (int i = 0; i < 5; i++) put_spans.push_back(&put_new(7));
  const Taken newest = take(kClass, site_of(7), 3);
  EXPECT_EQ(newest.from, From::shard);
  EXPECT_EQ(spans_in(newest), (Spans{put_spans[4], put_spans[3], put_spans[2]}));
  const Taken rest = take(kClass, site_of(7), 10);
  EXPECT_EQ(spans_in(rest), (Spans{put_spans[1], put_spans[0]}));
  EXPECT_EQ(take(kClass, site_of(7), 1).count, 0u);
  EXPECT_EQ(take(kClass, site_of(7), 1).list, nullptr);
  give_all(newest);
  give_all(rest);
}

TEST_F(LargePool, a_list_that_is_put_goes_whole_into_the_shard_of_its_first_span_s_site) {
  map::Span& first = span_of(11);
  map::Span& second = span_of(12);
  first.next = &second;
  put(kClass, &first, 2);
  const Taken taken = take(kClass, site_of(11), 2);
  EXPECT_EQ(taken.from, From::shard);
  EXPECT_EQ(spans_in(taken), (Spans{&first, &second}));
  give_all(taken);
}

TEST_F(LargePool, a_list_that_is_put_lies_before_what_is_there) {
  map::Span& old = put_new(11);
  map::Span& first = span_of(11);
  map::Span& second = span_of(11);
  first.next = &second;
  put(kClass, &first, 2);
  const Taken taken = take(kClass, site_of(11), 9);
  EXPECT_EQ(spans_in(taken), (Spans{&first, &second, &old}));
  give_all(taken);
}

TEST_F(LargePool, a_bundle_comes_from_one_shard_the_site_s_own_before_others) {
  put_new(20);
  for (int i = 0; i < 3; i++) put_new(21);
  const Taken own = take(kClass, site_of(20), 4);
  EXPECT_EQ(own.from, From::shard);
  EXPECT_EQ(own.count, 1u);
  const Taken other = take(kClass, site_of(20), 4);
  EXPECT_EQ(other.from, From::steal);
  EXPECT_EQ(other.count, 3u);
  give_all(own);
  give_all(other);
}

TEST_F(LargePool, all_shards_serve_a_site_in_turn_beginning_with_its_own) {
  for (const unsigned home : {0u, 1u, 40u, 63u}) {
    Spans by_slot;
    for (unsigned slot = 0; slot < kSiteSlots; slot++) by_slot.push_back(&put_new(slot));
    for (unsigned step = 0; step < kSiteSlots; step++) {
      const Taken taken = take(kClass, site_of(home), 2);
      ASSERT_EQ(spans_in(taken), Spans{by_slot[(home + step) % kSiteSlots]}) << home << " " << step;
      EXPECT_EQ(taken.from, step == 0 ? From::shard : From::steal);
      give_all(taken);
    }
    EXPECT_EQ(take(kClass, site_of(home), 1).count, 0u);
  }
}

TEST_F(LargePool, only_spans_of_the_class_serve) {
  for (unsigned c = 0; c < kLargeClasses; c++) {
    map::Span& span = put_new(5, c);
    for (unsigned other = 0; other < kLargeClasses; other++) {
      if (other == c) continue;
      EXPECT_EQ(take(other, site_of(5), 1).count, 0u) << c << " " << other;
    }
    const Taken taken = take(c, site_of(5), 1);
    EXPECT_EQ(spans_in(taken), Spans{&span});
    give_all(taken);
  }
}

TEST_F(LargePool, idle_units_are_those_of_the_spans_that_lie_in_it) {
  for (int i = 0; i < 3; i++) put_new(1, 0);
  for (int i = 0; i < 2; i++) put_new(2, 15);
  EXPECT_EQ(idle_units().n, 3 * 1 + 2 * 16u);
  give_all(take(0, site_of(1), 2));
  EXPECT_EQ(idle_units().n, 1 + 2 * 16u);
  give_all(take(15, site_of(1), 1));
  EXPECT_EQ(idle_units().n, 1 + 16u);
  decay(0);
  EXPECT_EQ(idle_units().n, 0u);
}

// Also where the clock of 32 bits begins anew.
TEST_F(LargePool, what_was_freed_so_many_ticks_ago_goes_back_and_what_is_younger_stays) {
  for (const uint32_t begin : {uint32_t{0}, ~uint32_t{0} - 1, ~uint32_t{0}}) {
    map::g_tick = begin;
    map::Span& old = put_new(30);
    map::Span& other_old = put_new(50, 9);
    map::g_tick++;
    map::Span& young = put_new(30);
    decay(2);
    EXPECT_EQ(idle_units().n, 2 * span_class_units(kClass) + span_class_units(9)) << "all are too young";
    map::g_tick++;
    const uint64_t idle = map::dropped_bytes(map::Drop::idle).n;
    const uint64_t bytes = map::bytes_of(old).n + map::bytes_of(other_old).n;
    decay(2);
    EXPECT_EQ(map::dropped_bytes(map::Drop::idle).n, idle + bytes);
    const Taken taken = take(kClass, site_of(30), 9);
    EXPECT_EQ(spans_in(taken), Spans{&young});
    EXPECT_EQ(idle_units(), Units{0});
    give_all(taken);
  }
}

TEST_F(LargePool, the_age_counts_from_when_it_was_put_last) {
  map::g_tick = 100;
  put_new(30);
  map::g_tick += 10;
  const Taken taken = take(kClass, site_of(30), 1);
  put(kClass, taken.list, 1);
  decay(2);
  EXPECT_EQ(idle_units().n, span_class_units(kClass));
}

TEST_F(LargePool, what_goes_back_for_its_age_is_purged_with_the_same_tick) {
  map::purge_dirty(Bytes{0});
  map::g_tick = 100;
  put_new(30);
  map::g_tick += 2;
  decay(2);
  EXPECT_EQ(map::dirty_units().n, span_class_units(kClass));
  map::purge_aged();
  EXPECT_EQ(map::dirty_units(), Units{0});
}

TEST_F(LargePool, all_goes_back_at_once_where_the_units_are_wanted) {
  const uint64_t used = map::used_units().n;
  const uint64_t wanted = map::dropped_bytes(map::Drop::wanted).n;
  put_new(1);
  put_new(2);
  put_new(63, 15);
  decay(0);
  EXPECT_EQ(idle_units(), Units{0});
  EXPECT_EQ(map::used_units().n, used);
  EXPECT_EQ(map::dropped_bytes(map::Drop::wanted).n, wanted + bytes(Units{2 * span_class_units(kClass) + 16}).n);
  EXPECT_EQ(take(kClass, site_of(1), 1).count, 0u);
}

// A span that two threads had would bear the other's name.
TEST_F(LargePool, no_span_is_lost_or_taken_twice_by_many_threads) {
  constexpr unsigned kThreads = 4, kSpans = 8, kRounds = 30'000;
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < kThreads; k++)
    threads.emplace_back([&together, k] {
      int name = 0;
      Spans mine;
      for (unsigned i = 0; i < kSpans; i++) mine.push_back(&span_of(k));
      together.arrive_and_wait();
      for (unsigned round = 0; round < kRounds; round++) {
        for (map::Span* span : mine) {
          span->live = &name;
          span->next = nullptr;
        }
        for (map::Span* span : mine) {
          ASSERT_EQ(span->live, &name);
          span->live = nullptr;
          span->site = site_of(round % 2);
          put(kClass, span, 1);
        }
        mine.clear();
        if (k == 0 && round % 100 == 0) decay(round % 200 == 0 ? 0 : 2);
        while (mine.size() < kSpans) {
          const Taken taken = take(kClass, site_of(round % 2), static_cast<unsigned>(kSpans - mine.size()));
          if (taken.count == 0) break;
          for (map::Span* span : spans_in(taken)) mine.push_back(span);
        }
        while (mine.size() < kSpans) mine.push_back(&span_of(k));
      }
      for (map::Span* span : mine) map::give_span(*span, map::Age::fresh, map::Drop::wanted);
    });
  for (std::thread& thread : threads) thread.join();
  decay(0);
  EXPECT_EQ(map::count_spans(kClass).spans, 0u);
}

}  // namespace
}  // namespace hak::large
