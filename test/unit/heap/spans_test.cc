// Large and big blocks: the heap's stacks, the pools behind them, and what goes back when.
#include "heap/spans.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "big/cache.h"
#include "heap/allocate.h"
#include "heap/help.h"
#include "heap/reclaim.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/span_room.h"
#include "heap/statistics.h"
#include "heap/thread.h"
#include "large/pool.h"
#include "map/purge.h"
#include "os/fault.h"

namespace hak {
namespace {

hakmem_class_stats stats_of(size_t size) {
  static hakmem_statistics stats;
  collect_statistics(&stats);
  return stats.classes[kClasses + span_class(units_ceil(Bytes{size}).n)];
}

TEST(Spans, a_block_that_was_freed_is_the_next_of_its_class_and_counts_as_a_hit) {
  for (const size_t size : {size_t{70'000}, size_t{300'000}, size_t{1 << 20}, size_t{3'000'000}, size_t{64} << 20}) {
    free_fast(allocate(size));  // opens the class
    void* const p = allocate(size);
    free_fast(p);
    const hakmem_class_stats before = stats_of(size);
    EXPECT_EQ(allocate(size), p);
    const hakmem_class_stats after = stats_of(size);
    EXPECT_EQ(after.hits, before.hits + 1);
    EXPECT_EQ(after.misses, before.misses);
    EXPECT_EQ(after.live_blocks, before.live_blocks + 1);
    free_fast(p);
    EXPECT_EQ(stats_of(size).live_blocks, before.live_blocks);
  }
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

// What a growing block leaves behind when its pages are moved is zero, and known to be: but not where others lay there.
TEST(Spans, calloc_is_zero_where_a_block_that_grew_has_been) {
  constexpr size_t kMiB = 1 << 20;
  void* grown = allocate(70 * kMiB);
  void* const wall = allocate(8 * kMiB);
  void* const used = allocate(200 * kMiB);
  memset(used, 0xab, 200 * kMiB);
  void* const other_wall = allocate(8 * kMiB);
  free_fast(used);
  for (const size_t mib : {size_t{95}, size_t{300}, size_t{310}, size_t{700}}) grown = reallocate(grown, mib * kMiB);
  std::vector<void*> blocks;
  for (int i = 0; i < 12; i++) {
    blocks.push_back(allocate_zeroed(40 * kMiB));
    const auto* const bytes = static_cast<const char*>(blocks.back());
    size_t wrong = 0;
    for (size_t at = 0; at < 40 * kMiB; at += 512) wrong += bytes[at] != 0;
    EXPECT_EQ(wrong, 0u);
  }
  for (void* p : blocks) free_fast(p);
  for (void* p : {grown, wall, other_wall}) free_fast(p);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, what_a_thread_frees_beyond_its_stack_another_gets) {
  constexpr size_t kSize = 200'000;
  std::vector<void*> blocks(64);
  for (void*& p : blocks) p = allocate(kSize);
  const uint64_t live = stats_of(kSize).live_blocks;
  std::thread([&] {
    for (void* p : blocks) free_fast(p);
  }).join();
  EXPECT_EQ(stats_of(kSize).live_blocks, live - blocks.size());
  EXPECT_GT(large::idle_units().n, 100u);
  const uint64_t used = map::used_units().n;
  for (void*& p : blocks) p = allocate(kSize);
  EXPECT_LE(map::used_units().n, used + 64) << "most came from the pool";
  const hakmem_class_stats after = stats_of(kSize);
  EXPECT_GT(after.refills[HAKMEM_STAGE_SITE] + after.refills[HAKMEM_STAGE_STEAL], 0u);
  for (void* p : blocks) free_fast(p);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, a_heap_keeps_little_of_the_big_tier) {
  {
    Heap& heap = *heap_of_thread();
    const OwnerSection section(heap);
    release_spans(heap, map::Age::fresh);
  }
  for (size_t mib = 2; mib <= 32; mib++) free_fast(allocate(mib << 20));
  const OwnerSection section(*this_heap);
  uint64_t kept = 0;
  for (unsigned c = kLargeClasses; c < kCachedClasses; c++)
    for (const map::Span* span = this_heap->spans.top[c]; span != nullptr; span = span->next) kept++;
  EXPECT_LE(kept, SpanStacks::kOpenBig);
}

// For a thread of its own, whose heap is as new.
void circulate(size_t count, size_t size, int rounds) {
  for (int i = 0; i < rounds; i++) {
    std::vector<void*> blocks(count);
    for (void*& p : blocks) p = allocate(size);
    for (void* p : blocks) free_fast(p);
  }
}

uint32_t kept_of(size_t size) {
  uint32_t n = 0;
  const map::Span* span = this_heap->spans.top[cached_span_class(units_ceil(Bytes{size}).n)];
  for (; span != nullptr; span = span->next) n++;
  return n;
}

TEST(Spans, a_stack_makes_room_for_what_circulates_until_the_next_tick) {
  for (const size_t size : {size_t{200'000}, size_t{1} << 20, size_t{2} << 20}) {
    reclaim(Bytes{0});
    std::thread([size] {
      circulate(8, size, 1);
      EXPECT_LT(kept_of(size), 8u) << "nothing came back from a pool yet";
      circulate(8, size, 4);
      EXPECT_EQ(kept_of(size), 8u);
      const uint64_t misses = stats_of(size).misses;
      circulate(8, size, 10);
      EXPECT_EQ(stats_of(size).misses, misses);
      const uint64_t idle = large::idle_units().n + big::idle_units().n;
      {
        const OwnerSection section(*this_heap);
        EXPECT_EQ(release_idle_spans(*this_heap).n, 0u);
      }
      EXPECT_LT(kept_of(size), 8u);
      EXPECT_GT(large::idle_units().n + big::idle_units().n, idle) << "the pools have them";
      EXPECT_EQ(this_heap->spans.grown_units, 0u);
      EXPECT_EQ(broken_heap_rule(), nullptr);
    }).join();
  }
}

TEST(Spans, room_for_hundreds_of_the_smallest_is_made_and_given_up_again) {
  std::thread([] {
    constexpr size_t kSize = 65'536;
    circulate(400, kSize, 8);
    EXPECT_GT(this_heap->spans.grown[0], 255u / owned_heaps());
    EXPECT_EQ(this_heap->spans.grown_units, this_heap->spans.grown[0]);
    const OwnerSection section(*this_heap);
    release_idle_spans(*this_heap);
    EXPECT_EQ(this_heap->spans.grown_units, 0u);
    EXPECT_EQ(kept_of(kSize) + static_cast<uint32_t>(this_heap->spans.room[0]), 16u);
  }).join();
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, no_room_is_made_where_a_pool_serves_few_or_the_share_is_used_up) {
  std::thread([] {
    constexpr size_t kSize = 1 << 20;
    for (int i = 0; i < 20; i++) {
      circulate(1, kSize, 100);
      circulate(8, kSize, 1);
    }
    EXPECT_LT(kept_of(kSize), 8u) << "most fit";
    circulate(64, size_t{4} << 20, 4);
    EXPECT_LE(this_heap->spans.grown_units, 512u / owned_heaps());
  }).join();
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, of_many_sizes_in_turn_no_thread_keeps_a_span_each) {
  static hakmem_statistics stats;
  constexpr int kThreads = 4;
  reclaim(Bytes{0});
  std::atomic<uint32_t> most_straight = 0;  // nearly: two may find more at once
  std::barrier<> done(kThreads + 1), looked(kThreads + 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t) + 1);
      for (int i = 0; i < 20'000; i++) {
        free_fast(allocate(kUnitBytes + (random() % kUnitBytes << random() % 6)));
        if (this_heap->spans.next_straight > most_straight.load()) most_straight = this_heap->spans.next_straight;
      }
      done.arrive_and_wait();
      looked.arrive_and_wait();
    });
  }
  done.arrive_and_wait();
  collect_statistics(&stats);
  looked.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(most_straight, 256u) << "found again and again that keeping doesn't pay";
  EXPECT_LE(stats.os.kept_bytes, 24u << 20) << "by all four; one of each size would be 60 MiB and more";
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, what_other_threads_keep_does_not_judge_this_one) {
  reclaim(Bytes{0});
  std::barrier<> kept(2), looked(2);
  std::thread keeper([&] {
    for (int i = 0; i < 100; i++)
      for (const size_t size : {1 << 20, 2 << 20, 3 << 20, 4 << 20, 5 << 20})
        free_fast(allocate(static_cast<size_t>(size)));
    kept.arrive_and_wait();
    looked.arrive_and_wait();
  });
  kept.arrive_and_wait();
  std::thread([] {
    std::vector<void*> live;
    for (int i = 0; i < 30; i++) live.push_back(allocate(300'000));  // none is ever kept
    EXPECT_EQ(this_heap->spans.straight, 0u);
    for (void* p : live) free_fast(p);
  }).join();
  looked.arrive_and_wait();
  keeper.join();
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

class FewSizes : public testing::TestWithParam<std::vector<size_t>> {};

INSTANTIATE_TEST_SUITE_P(Spans, FewSizes,
                         testing::Values(std::vector<size_t>{100'000, 300'000, 1'000'000, 3'000'000},
                                         std::vector<size_t>{1 << 20, 2 << 20}, std::vector<size_t>{2 << 20, 1 << 20},
                                         std::vector<size_t>{200'000, 250'000, 300'000, 350'000, 400'000}));

TEST_P(FewSizes, in_turn_are_kept) {
  static hakmem_statistics before, after;
  const std::vector<size_t> sizes = GetParam();
  reclaim(Bytes{0});
  std::thread([&] {
    for (int i = 0; i < 200; i++)
      for (const size_t size : sizes) free_fast(allocate(size));
    collect_statistics(&before);
    for (int i = 0; i < 100; i++)
      for (const size_t size : sizes) free_fast(allocate(size));
    collect_statistics(&after);
  }).join();
  EXPECT_EQ(after.os.dropped_wanted_bytes, before.os.dropped_wanted_bytes);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, statistics_say_what_became_of_freed_blocks) {
  static hakmem_statistics before, after;
  const auto change_by = [](auto work) {
    collect_statistics(&before);
    work();
    collect_statistics(&after);
  };
  reclaim(Bytes{0});
  change_by([] { free_fast(allocate(300 << 20)); });
  EXPECT_EQ(after.os.dropped_unkept_bytes - before.os.dropped_unkept_bytes, uint64_t{300} << 20);
  change_by([] { free_fast(allocate(1 << 20)); });
  EXPECT_EQ(after.os.reused_bytes, before.os.reused_bytes);
  change_by([] { free_fast(allocate(1 << 20)); });
  EXPECT_EQ(after.os.reused_bytes - before.os.reused_bytes, uint64_t{1} << 20);
  change_by([] { reclaim(Bytes{0}); });
  EXPECT_EQ(after.os.dropped_wanted_bytes - before.os.dropped_wanted_bytes, uint64_t{1} << 20);
  free_fast(allocate(1 << 20));
  change_by([] {
    const OwnerSection section(*this_heap);
    for (int tick = 0; tick < 2; tick++) release_idle_spans(*this_heap);
  });
  EXPECT_EQ(after.os.dropped_idle_bytes - before.os.dropped_idle_bytes, uint64_t{1} << 20);
}

TEST(Spans, a_stack_that_gets_nothing_from_tick_to_tick_is_emptied) {
  constexpr size_t kSize = 130'000;
  for (int i = 0; i < 2; i++) free_fast(allocate(kSize));
  const OwnerSection section(*this_heap);
  release_idle_spans(*this_heap);
  const unsigned c = span_class(units_ceil(Bytes{kSize}).n);
  ASSERT_NE(this_heap->spans.top[c], nullptr);
  EXPECT_NE(release_idle_spans(*this_heap), Units{0});
  EXPECT_EQ(this_heap->spans.top[c], nullptr);
}

TEST(Spans, idle_spans_of_other_classes_go_back_before_untouched_memory_is_touched) {
  help_all();
  std::vector<void*> blocks;
  for (int i = 0; i < 200; i++) blocks.push_back(allocate(500'000));
  for (void* p : blocks) free_fast(p);
  const uint64_t claimed = map::count_units().clean;
  void* const p = allocate(80'000'000);
  EXPECT_EQ(map::count_units().clean, claimed) << "1221 units were there";
  free_fast(p);
}

TEST(Spans, a_block_that_grows_keeps_its_contents_moves_seldom_and_holds_no_more_than_it_needs) {
  const auto check = [](const uint32_t* p, size_t bytes) {
    for (size_t i = 0; i < bytes / 4; i += 509)
      if (p[i] != static_cast<uint32_t>(i * 7)) return false;
    return true;
  };
  constexpr size_t kMost = size_t{200} << 20;
  uint32_t* p = nullptr;
  size_t moves = 0, before = 0;
  std::vector<void*> neighbours;  // so that it can't grow in place
  for (size_t size = 100'000; size <= kMost; size += size / 2) {
    auto* const now = static_cast<uint32_t*>(p == nullptr ? allocate(size) : reallocate(p, size));
    ASSERT_NE(now, nullptr);
    moves += now != p;
    p = now;
    ASSERT_TRUE(check(p, before)) << size;
    for (size_t i = 0; i < size / 4; i += 509) p[i] = static_cast<uint32_t>(i * 7);
    before = size;
    neighbours.push_back(allocate(70'000));
    neighbours.push_back(allocate(3'000'000));
  }
  EXPECT_LE(moves, 14u);
  const hakmem_class_stats stats = stats_of(before);
  EXPECT_EQ(stats.live_blocks, 1u);
  EXPECT_LE(stats.live_bytes, before + before / 8);
  p = static_cast<uint32_t*>(reallocate(p, 5'000'000));
  EXPECT_TRUE(check(p, 5'000'000));
  EXPECT_EQ(stats_of(before).live_blocks, 0u);
  EXPECT_EQ(usable_size(p), good_size(5'000'000)) << "the tail went back, and the headroom";
  free_fast(p);
  for (void* q : neighbours) free_fast(q);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Spans, where_pages_can_not_be_moved_they_are_copied) {
  os::fault::arm({.call = os::fault::Call::remap, .error = ENOMEM});
  std::vector<void*> neighbours;
  auto* p = static_cast<char*>(allocate(4'000'000));
  neighbours.push_back(allocate(70'000));
  memset(p, 7, 4'000'000);
  for (const size_t size : {size_t{9'000'000}, size_t{40'000'000}}) {
    p = static_cast<char*>(reallocate(p, size));
    for (size_t i = 0; i < 4'000'000; i += 4095) ASSERT_EQ(p[i], 7);
    neighbours.push_back(allocate(2'200'000));
  }
  os::fault::disarm();
  free_fast(p);
  for (void* q : neighbours) free_fast(q);
}

TEST(Spans, zeroed_blocks_are_zero_whatever_lay_there) {
  for (const size_t size : {size_t{100'000}, size_t{5'000'000}}) {
    void* const dirty = allocate(size);
    memset(dirty, 0xAA, size);
    free_fast(dirty);
    auto* const p = static_cast<unsigned char*>(allocate_zeroed(size));
    for (size_t i = 0; i < size; i += 61) ASSERT_EQ(p[i], 0) << size;
    free_fast(p);
  }
}

}  // namespace
}  // namespace hak
