// The BigCache: what one site frees it gets again, what is displaced is found by others, and how long it is kept.
#include "big/cache.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "big/keep.h"
#include "conf/config.h"
#include "conf/options.h"
#include "map/purge.h"

namespace hak::big {
namespace {

constexpr unsigned kClass = 20;
constexpr Site kSite = 0x401234, kOther = 0x77'0000'4321;
static_assert(slot_of(kSite) != slot_of(kOther));

class BigCache : public testing::Test {
 protected:
  BigCache() {
    static const bool ready = [] {
      conf::g_config = conf::defaults();
      return map::init_window(Bytes{uint64_t{1} << 36});
    }();
    EXPECT_TRUE(ready);
  }
  ~BigCache() override {
    conf::g_config.decay_ms = 1000;
    conf::g_config.price = 2000;
    flush();
    EXPECT_EQ(idle_units(), Units{0});
  }

  static map::Span& span_of(Site site) {
    map::Span* const span = map::take_span(Units{span_class_units(kClass)}, Units{1}, map::Growth::allowed).span;
    span->site = site;
    return *span;
  }
  static void tick(uint32_t times) {
    map::g_tick.fetch_add(times);
    decay();
  }
};

TEST_F(BigCache, a_site_gets_what_it_freed) {
  map::Span& span = span_of(kSite);
  put(kClass, span);
  EXPECT_EQ(idle_units().n, span.units);
  const Taken taken = take(kClass, kSite);
  EXPECT_EQ(taken.span, &span);
  EXPECT_EQ(taken.from, From::site);
  EXPECT_EQ(take(kClass, kSite).span, nullptr);
  put(kClass, span);
}

TEST_F(BigCache, what_a_site_has_no_place_for_serves_others_and_so_does_the_rest) {
  map::Span& first = span_of(kSite);
  map::Span& second = span_of(kSite);
  put(kClass, first);
  put(kClass, second);
  EXPECT_EQ(take(kClass, kOther).span, &first) << "displaced, from the bin";
  const Taken taken = take(kClass, kOther);
  EXPECT_EQ(taken.span, &second);
  EXPECT_EQ(taken.from, From::others);
  EXPECT_EQ(take(kClass + 1, kSite).span, nullptr) << "another class";
  put(kClass, first);
  put(kClass, second);
}

TEST_F(BigCache, a_span_is_kept_as_long_as_its_rent_is_below_its_page_faults) {
  const uint64_t us_per_mib = fault_ns() * ((1 << 20) / os::page_size()) / 1000;
  conf::g_config.decay_ms = 3'600'000;
  conf::g_config.price = us_per_mib / 10 + 1;  // worth it for ten seconds
  EXPECT_GT(keep_ms(0x99'1111), 5'000u);
  EXPECT_LE(keep_ms(0x99'1111), 10'000u);
  conf::g_config.price = us_per_mib * 10 + 10;  // for a tenth
  EXPECT_LE(keep_ms(0x99'1111), 100u);
  conf::g_config.price = 0;  // memory is free
  EXPECT_EQ(keep_ms(0x99'1111), 3'600'000u);
}

TEST_F(BigCache, a_site_that_comes_back_late_keeps_nothing_and_one_that_comes_back_soon_not_for_long) {
  conf::g_config.decay_ms = 1000;
  conf::g_config.price = 0;
  constexpr Site kLate = 0x5'0000'0001, kSoon = 0x6'0000'0003;
  ASSERT_NE(slot_of(kLate), slot_of(kSoon));
  for (uint64_t at = 1; at < 100'000; at += 10'000) {
    note_free(kLate, at);
    note_allocation(kLate, at + 5'000);
    note_free(kSoon, at);
    note_allocation(kSoon, at + 10);
  }
  EXPECT_EQ(keep_ms(kLate), 0u);
  EXPECT_GE(keep_ms(kSoon), 10u);
  EXPECT_LE(keep_ms(kSoon), 100u);
  map::Span& span = span_of(kLate);
  const uint64_t used = map::used_units().n;
  put(kClass, span);
  EXPECT_EQ(idle_units(), Units{0}) << "given back at once";
  EXPECT_EQ(map::used_units().n, used - span_class_units(kClass));
}

TEST_F(BigCache, what_is_old_goes_back_at_a_tick_and_what_is_young_stays) {
  conf::g_config.price = 0;
  conf::g_config.decay_ms = 1000;  // two ticks
  constexpr Site kNew = 0x7'0000'0005;
  put(kClass, span_of(kNew));
  put(kClass, span_of(kNew));  // one of them in the bin
  tick(1);
  EXPECT_EQ(idle_units().n, 2 * span_class_units(kClass));
  tick(1);
  EXPECT_EQ(idle_units(), Units{0});
  EXPECT_EQ(map::broken_super_slab_rule(), nullptr);
}

TEST_F(BigCache, no_span_is_lost_or_taken_twice_by_many_threads) {
  conf::g_config.price = 0;
  constexpr int kThreads = 4, kSpans = 6, kRounds = 3000;
  std::vector<std::thread> threads;
  for (int k = 0; k < kThreads; k++) {
    threads.emplace_back([k] {
      std::vector<map::Span*> mine;
      for (int i = 0; i < kSpans; i++) mine.push_back(&span_of(kSite + static_cast<Site>(k) * 4096));
      for (int round = 0; round < kRounds; round++) {
        for (map::Span* span : mine) {
          span->live = span;  // nobody else may have it
          span->live = nullptr;
          put(kClass, *span);
        }
        mine.clear();
        for (int i = 0; i < kSpans; i++)
          if (map::Span* const span = take(kClass, kSite + static_cast<Site>(round) * 4096).span) {
            EXPECT_EQ(span->live, nullptr);
            mine.push_back(span);
          }
        if (k == 0 && round % 100 == 0) decay();
        while (mine.size() < kSpans) mine.push_back(&span_of(kSite));
      }
      for (map::Span* span : mine) map::give_span(*span, map::Age::fresh, map::Drop::wanted);
    });
  }
  for (std::thread& thread : threads) thread.join();
  flush();
  EXPECT_EQ(map::count_spans(kClass).spans, 0u);
  EXPECT_EQ(map::broken_super_slab_rule(), nullptr);
}

}  // namespace
}  // namespace hak::big
