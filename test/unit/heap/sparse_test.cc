// Pages of sparse slabs: which go back, when, and that a walk through them lets others in.
#include "heap/sparse.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "heap/help.h"
#include "heap/section.h"
#include "heap/tick.h"
#include "heap/tick_lock.h"
#include "map/super_slab.h"
#include "os/clock.h"
#include "os/counters.h"
#include "os/memory.h"
#include "unit/heap/owner.h"

namespace hak {
namespace {

constexpr uint64_t kTickMs = 10'000;  // owners had a heartbeat since then: they aren't idle

void walk_again(Heap& heap, const SparseWalk& place) {
  heap.walk = place;
  heap.walk_left = true;
}

TEST(Sparse, pages_of_an_idle_owner_s_sparse_slabs_go_back_and_serve_it_again) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  Owner owner;
  std::vector<void*> blocks;
  owner.work([&] {
    blocks = allocate_blocks(40'000, 100);
    for (size_t i = 0; i < blocks.size(); i++)
      if (i % 500 != 0) free_fast(std::exchange(blocks[i], nullptr));
  });
  const uint64_t purged = os::read(&os::Counters::purged_bytes);
  const uint64_t live = live_now();
  help_all();
  EXPECT_GE(os::read(&os::Counters::purged_bytes) - purged, 2u << 20);  // of 4 MiB in slabs that each keep some block
  EXPECT_EQ(live_now(), live);
  EXPECT_EQ(broken_heap_rule(), nullptr);
  const uint64_t units = map::used_units().n;
  owner.work([&] {
    for (void*& p : blocks)
      if (p == nullptr) p = allocate(100);
    for (void* p : blocks) {
      memset(p, 1, 100);
      free_fast(p);
    }
  });
  EXPECT_LE(map::used_units().n, units + 2);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Sparse, of_the_newest_free_block_only_the_page_stays_that_it_begins_in) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  constexpr size_t kSize = 53'248;  // 13 pages
  Owner owner;
  std::vector<void*> blocks;
  owner.work([&] {
    blocks = allocate_blocks(200, kSize);  // 10 MiB
    for (void* p : blocks) memset(p, 1, kSize);
    for (size_t i = 0; i < blocks.size(); i += 5) free_fast(std::exchange(blocks[i], nullptr));
  });
  uint64_t freed = blocks.size() / 5;
  const uint64_t purged = os::read(&os::Counters::purged_bytes);
  help_all();
  EXPECT_GE(os::read(&os::Counters::purged_bytes) - purged, freed * (kSize - 2 * kPageBytes));
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work([&] {
    for (void*& p : blocks) {
      if (p == nullptr) memset(p = allocate(kSize), 1, kSize);
      free_fast(p);
    }
  });
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Sparse, who_only_frees_keeps_no_free_lists) {
  Owner owner;
  owner.work([] {
    std::vector<std::vector<void*>> blocks;
    for (const size_t n : {100, 500, 1000, 5000}) blocks.push_back(allocate_blocks(4'000'000 / n, n));
    bool has_lists = false;
    for (unsigned c = 0; c < kClasses; c++) has_lists |= this_heap->free[c] != nullptr;
    EXPECT_TRUE(has_lists);
    for (size_t k = 0; k < blocks.size(); k++)
      for (void* p : blocks[k]) free_fast(p);
    for (unsigned c = 0; c < kClasses; c++) EXPECT_EQ(this_heap->free[c], nullptr) << c;
  });
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

// Few blocks of each class in units that were full before, as where a burst of all sizes is over.
TEST(Sparse, what_is_fresh_of_slabs_in_units_that_were_used_goes_back) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  Owner owner;
  std::vector<void*> few;
  owner.work([&] {
    std::vector<void*> blocks = allocate_blocks(40'000, 100);
    for (void* p : blocks) free_fast(p);
    for (size_t n = 112; n <= 1024; n += 16) few.push_back(allocate(n));
  });
  const uint64_t purged = os::read(&os::Counters::purged_bytes);
  help_all();
  EXPECT_GE(os::read(&os::Counters::purged_bytes) - purged, few.size() * (kUnitBytes - 3 * kPageBytes));
  const uint64_t again = os::read(&os::Counters::purged_bytes);
  help_all();
  EXPECT_EQ(os::read(&os::Counters::purged_bytes), again) << "what is to be had was taken";
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work([&] {
    for (void* p : few) memset(p, 1, 112);
    std::vector<void*> blocks = allocate_blocks(2000, 1000);
    for (void* p : blocks) memset(p, 1, 1000);
    for (void* p : blocks) free_fast(p);
    for (void* p : few) free_fast(p);
  });
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Sparse, slabs_that_an_owner_at_work_does_not_touch_give_pages_back_and_others_do_not) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  Owner owner;
  std::vector<void*> few;
  owner.work([&] { few = allocate_and_leave_few(150); });
  const auto purged_by_a_tick = [] {
    const uint64_t before = os::read(&os::Counters::purged_bytes);
    help_idle(os::coarse_ms(), kTickMs);
    return os::read(&os::Counters::purged_bytes) - before;
  };
  EXPECT_LT(purged_by_a_tick(), 1u << 20) << "seen for the first time";
  owner.work([&] {
    for (size_t i = 0; i < few.size(); i += 2) free_fast(std::exchange(few[i], nullptr));
  });
  EXPECT_LT(purged_by_a_tick(), 1u << 20) << "used since then";
  EXPECT_GE(purged_by_a_tick(), 2u << 20);
  EXPECT_GE(stats_now().os.sparse_bytes, 2u << 20);
  EXPECT_FALSE(help_on(os::coarse_ms(), kTickMs)) << "nothing is left: the owner didn't come in between";
  EXPECT_LT(purged_by_a_tick(), 64u << 10) << "what is to be had was taken";
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work([&] {
    for (void* p : few) free_fast(p);
  });
}

TEST(Sparse, a_walk_ends_for_who_waits_for_the_tick_and_goes_on_later) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  Owner owner;
  std::vector<void*> few;
  owner.work([&] { few = allocate_and_leave_few(); });
  help_idle(os::coarse_ms(), kTickMs);
  walk_again(*owner.heap(), {});
  std::thread fork_to_be;
  {
    const TickPause tick;
    fork_to_be = std::thread([] { const TickPause waits; });
    while (!tick_is_wanted()) std::this_thread::yield();
    EXPECT_TRUE(help_on(os::coarse_ms(), kTickMs)) << "not even begun";
    const os::LockGuard helping(owner.heap()->lock);
    EXPECT_FALSE(release_sparse(*owner.heap(), Sparse::cold)) << "not gone through to the end";
  }
  fork_to_be.join();
  EXPECT_FALSE(help_on(os::coarse_ms(), kTickMs));
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work([&] {
    for (void* p : few) free_fast(p);
  });
}

TEST(Sparse, a_walk_that_the_owner_ended_goes_on_where_it_was) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  Owner owner;
  std::vector<void*> few;
  owner.work([&] { few = allocate_and_leave_few(); });
  help_idle(os::coarse_ms(), kTickMs);
  Heap& heap = *owner.heap();
  const unsigned c = slab_of(static_cast<Block*>(few[40])).size_class;
  size_t partial = 0;
  Slab* third_last = nullptr;
  const auto each = [&](auto visit) { heap.classes[c].partial.for_each(visit); };
  each([&](Slab&) { partial++; });
  size_t at = 0;
  each([&](Slab& s) { third_last = ++at == partial - 2 ? &s : third_last; });
  const auto walked = [&] {
    size_t n = 0;
    each([&](Slab& s) { n += s.walked; });
    return n;
  };
  walk_again(heap, {.size_class = c, .next = third_last});
  EXPECT_FALSE(help_on(os::coarse_ms(), kTickMs));
  EXPECT_EQ(walked(), 3u);
  walk_again(heap, {.size_class = c, .next = heap.classes[c].current});
  EXPECT_FALSE(help_on(os::coarse_ms(), kTickMs)) << "a place that is no more ends the class";
  EXPECT_EQ(walked(), 3u);
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work([&] {
    for (void* p : few) free_fast(p);
  });
}

}  // namespace
}  // namespace hak
