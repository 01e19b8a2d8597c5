// The operations as the exported functions use them, on the core that doesn't interpose: sanitizers run here.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "heap/allocate.h"
#include "heap/blocks.h"
#include "heap/defrag.h"
#include "heap/reclaim.h"
#include "heap/registry.h"
#include "heap/statistics.h"
#include "map/super_slab.h"
#include "os/limits.h"

namespace hak {
namespace {

hakmem_statistics stats_now() {
  static hakmem_statistics stats;
  collect_statistics(&stats);
  return stats;
}

uint64_t live_now() { return stats_now().tiers[HAKMEM_TIER_NONE].live_blocks; }

// Refills and events take turns, so that the heartbeat always comes with the one, or, once another class has beaten,
// with the other.
TEST(Heartbeat, a_class_that_has_one_block_in_circulation_gets_some_more_and_no_more_after_that) {
  std::thread([] {
    constexpr size_t kSize = 16'000;
    free_fast(allocate(kSize));
    const Slab* const current = this_heap->classes[class_of(kSize)].current;
    ASSERT_NE(current, nullptr);
    const int before = current->carved;
    for (int turn = 0; turn < 4; turn++, this_heap->beats++)
      for (int pair = 0; pair < 64 * 20; pair++) free_fast(allocate(kSize));
    EXPECT_LE(current->carved, before + 1) << "16 KiB";
  }).join();
}

void free_argument(void* p) { free_fast(p); }
void free_argument_and_allocate(void* p) {
  free_fast(p);
  free_fast(allocate(100));
}

// What a creator gave them, as in many a C program.
TEST(Heap, threads_that_come_to_the_allocator_when_they_end_leave_no_heap_without_an_owner) {
  free_fast(allocate(1));
  for (void (*destructor)(void*) : {free_argument, free_argument_and_allocate}) {
    pthread_key_t key;
    ASSERT_EQ(pthread_key_create(&key, destructor), 0);
    const uint64_t live = live_now();
    const uint32_t owned = owned_heaps();
    for (int i = 0; i < 20; i++) {
      void* const argument = allocate(64);
      std::thread([&] { ASSERT_EQ(pthread_setspecific(key, argument), 0); }).join();
    }
    EXPECT_EQ(owned_heaps(), owned);
    EXPECT_EQ(live_now(), live);
    pthread_key_delete(key);
  }
}

TEST(Heap, frees_of_null_are_counted_in_every_thread) {
  const uint64_t before = stats_now().os.early_returns;
  free_fast(nullptr);
  std::thread([] {
    free_fast(nullptr);
    free_fast(allocate(1));
    free_fast(nullptr);
  }).join();
  EXPECT_EQ(stats_now().os.early_returns, before + 3);
}

TEST(Heap, blocks_of_all_sizes_hold_their_bytes_and_all_come_back) {
  const uint64_t before = live_now();
  std::mt19937 random(1);
  struct Live {
    unsigned char* p;
    size_t size;
    unsigned char fill;
  };
  std::vector<Live> live;
  for (int i = 0; i < 30'000; i++) {
    if (live.size() < 500 || random() % 2 == 0) {
      const size_t size = random() % 100 == 0  ? random() % 3'000'000
                          : random() % 20 == 0 ? random() % 60'000
                                               : random() % 1500;
      auto* p = static_cast<unsigned char*>(allocate(size));
      ASSERT_NE(p, nullptr);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(p) % 16, 0u);
      ASSERT_GE(usable_size(p), size);
      const auto fill = static_cast<unsigned char>(random());
      memset(p, fill, size);
      live.push_back({p, size, fill});
    }
    if (live.size() > 1000 || random() % 3 == 0) {
      const size_t k = random() % live.size();
      for (size_t b = 0; b < live[k].size; b += 1 + live[k].size / 7) ASSERT_EQ(live[k].p[b], live[k].fill);
      free_fast(live[k].p);
      live[k] = live.back();
      live.pop_back();
    }
  }
  EXPECT_EQ(live_now(), before + live.size());
  EXPECT_EQ(broken_heap_rule(), nullptr);
  for (const Live& l : live) free_fast(l.p);
  EXPECT_EQ(live_now(), before);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Heap, threads_hand_blocks_to_each_other_and_none_is_lost) {
  const uint64_t before = live_now();
  constexpr int kThreads = 4;
  constexpr int kSlots = 512;
  static std::atomic<void*> slots[kSlots];
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++)
    threads.emplace_back([t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 40'000; i++) {
        const size_t size = 16 + random() % (i % 64 == 0 ? 9000 : 500);
        void* const p = allocate(size);
        memset(p, t, size);
        free_fast(slots[random() % kSlots].exchange(p));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (std::atomic<void*>& slot : slots) free_fast(slot.exchange(nullptr));
  reclaim(Bytes{0});
  EXPECT_EQ(live_now(), before);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Heap, counters_add_up) {
  for (int i = 0; i < 1000; i++) free_fast(allocate(48));
  const hakmem_statistics stats = stats_now();
  for (uint32_t c = 0; c < stats.class_count; c++) {
    const hakmem_class_stats& k = stats.classes[c];
    uint64_t refills = 0;
    for (const uint64_t n : k.refills) refills += n;
    EXPECT_EQ(k.misses, refills) << c;
    EXPECT_EQ(k.allocations, k.hits + k.misses) << c;
    EXPECT_EQ(k.frees, k.frees_local + k.frees_remote) << c;
    EXPECT_EQ(k.live_blocks, k.allocations - k.frees) << c;
  }
  EXPECT_EQ(stats.os.claimed_bytes, stats.os.free_clean_bytes + stats.os.free_dirty_bytes + stats.os.in_use_bytes);
}

TEST(Heap, statistics_of_running_threads_have_no_number_below_zero) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; seed++)
    threads.emplace_back([&done, seed] {
      std::mt19937 random(seed);
      while (!done.load(std::memory_order_relaxed)) {
        void* blocks[20];
        for (void*& p : blocks) p = allocate(size_t{16} << random() % 16);
        for (void* p : blocks) free_fast(p);
      }
    });
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  while (std::chrono::steady_clock::now() < end) {
    const hakmem_statistics stats = stats_now();
    for (unsigned c = 0; c < stats.class_count; c++) {
      const hakmem_class_stats& k = stats.classes[c];
      for (const uint64_t n :
           {k.live_blocks, k.live_bytes, k.allocations, k.frees, k.hits, k.frees_local, k.frees_remote})
        ASSERT_LT(n, uint64_t{1} << 60) << "class " << c;
    }
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

// 48 MiB of each range of sizes, in a heap of their own.
TEST(Heap, what_is_in_memory_before_a_block_needs_it_is_an_eighth_of_the_heap_and_a_SuperSlab_at_most) {
  const bool has_huge_pages = os::huge_pages() != os::HugePages::never && os::huge_page_bytes() <= kSuperBytes;
  for (const auto& [least, most] : {std::pair{16u, 256u}, {16u, 1024u}, {1100u, 20'000u}, {100u, 100u}}) {
    std::thread([least = least, most = most, has_huge_pages] {
      bool was_seen = false;
      std::vector<void*> blocks;
      std::mt19937 random(1);
      for (uint64_t live = 0, next_look = 4 << 20; live < 48 << 20;) {
        const uint64_t size = least + random() % (most - least + 1);
        blocks.push_back(allocate(size));
        live += size;
        if (live < next_look) continue;
        next_look += 1 << 20;
        const hakmem_os_stats os = stats_now().os;
        ASSERT_LE(os.overshoot_bytes, os.in_use_bytes / 8 + kSuperBytes) << least << "-" << most << " after " << live;
        was_seen |= os.overshoot_bytes != 0;
      }
      EXPECT_EQ(was_seen, has_huge_pages) << least << "-" << most;
      for (void* p : blocks) free_fast(p);
      reclaim(Bytes{0});
    }).join();
    EXPECT_EQ(stats_now().os.overshoot_bytes, 0u);
  }
}

TEST(Heap, a_purge_after_everything_is_freed_leaves_nothing_resident) {
  std::vector<void*> blocks;
  for (int i = 0; i < 20'000; i++) blocks.push_back(allocate(100));
  for (void* p : blocks) free_fast(p);
  reclaim(Bytes{0});
  EXPECT_EQ(map::dirty_units(), Units{0});
}

TEST(Heap, every_alignment_is_kept_for_every_size) {
  for (size_t align = 16; align <= (size_t{4} << 20); align *= 2)
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{100}, size_t{1025}, size_t{5000}, size_t{70'000}, size_t{2'000'000}}) {
      void* const p = allocate_aligned(align, size);
      ASSERT_NE(p, nullptr) << align << " " << size;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u) << align << " " << size;
      EXPECT_GE(usable_size(p), size);
      free_fast(p);
    }
}

TEST(Heap, a_pointer_tells_what_it_is) {
  char* const p = static_cast<char*>(allocate(100));
  EXPECT_EQ(inspect(p).state, HAKMEM_BLOCK_LIVE);
  EXPECT_EQ(inspect(p).usable_size, 112u);
  EXPECT_EQ(inspect(p + 5).interior, 1u);
  free_fast(p);
  EXPECT_EQ(inspect(p).state, HAKMEM_BLOCK_FREE);
  char* const big = static_cast<char*>(allocate(3'000'000));
  EXPECT_EQ(inspect(big + 2'000'000).start, big);
  EXPECT_EQ(inspect(big).tier, HAKMEM_TIER_BIG);
  free_fast(big);
  EXPECT_EQ(inspect(big).state, HAKMEM_BLOCK_FREE);
  int local = 0;
  EXPECT_EQ(inspect(&local).state, HAKMEM_BLOCK_FOREIGN);
}

TEST(Defrag, only_blocks_of_sparse_slabs_that_are_not_next_are_worth_moving) {
  int local = 0;
  EXPECT_FALSE(is_worth_moving(nullptr));
  EXPECT_FALSE(is_worth_moving(&local));
  void* const large = allocate(200'000);
  EXPECT_FALSE(is_worth_moving(large));
  free_fast(large);

  std::vector<char*> blocks;
  for (int i = 0; i < 1000; i++) blocks.push_back(static_cast<char*>(allocate(600)));
  int dense = 0;
  for (char* p : blocks) dense += is_worth_moving(p);
  EXPECT_EQ(dense, 0);
  std::vector<char*> few;
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i % 20 == 0) few.push_back(blocks[i]);
    else free_fast(blocks[i]);
  }
  int moved = 0;
  for (bool any = true; any;) {
    any = false;
    for (char*& p : few) {
      EXPECT_FALSE(is_worth_moving(p + 16)) << "no block begins there";
      if (!is_worth_moving(p)) continue;
      char* const to = static_cast<char*>(allocate(600));
      free_fast(std::exchange(p, to));
      any = true;
      ASSERT_LT(++moved, 1000) << "moving ends";
    }
  }
  EXPECT_GT(moved, 20);
  for (char* p : few) free_fast(p);
}

}  // namespace
}  // namespace hak
