// Owners and helpers: what threads return to an owner that is elsewhere comes back, and an owner at work is left alone.
#include "heap/help.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "heap/rebuild.h"
#include "heap/reclaim.h"
#include "heap/refill.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/tick.h"
#include "map/super_slab.h"
#include "os/clock.h"
#include "os/counters.h"
#include "os/fault.h"
#include "os/memory.h"
#include "unit/heap/owner.h"

namespace hak {
namespace {

void post_my_outbox() {
  const OwnerSection section(*this_heap);
  this_heap->outbox.post_all(*this_heap);
}

TEST(Help, what_was_returned_to_a_sleeping_owner_is_given_back_before_the_window_grows) {
  for (const size_t size : {size_t{100}, size_t{3000}, size_t{30'000}}) {
    const uint64_t live = live_now();
    Owner owner;
    std::vector<void*> blocks;
    owner.work([&] { blocks = allocate_blocks(8'000'000 / size, size); });
    const uint64_t used = map::used_units().n;
    for (void* p : blocks) free_fast(p);
    help_all();
    EXPECT_LT(map::used_units().n + 100, used) << size << ": 122 units were returned";
    EXPECT_EQ(live_now(), live);
    EXPECT_EQ(broken_heap_rule(), nullptr);
    owner.work([&] {
      for (void* p : allocate_blocks(1000, size)) free_fast(p);
    });
    EXPECT_EQ(live_now(), live);
    EXPECT_EQ(broken_heap_rule(), nullptr);
  }
}

TEST(Help, a_slab_with_a_live_block_stays) {
  Owner owner;
  std::vector<void*> blocks;
  owner.work([&] { blocks = allocate_blocks(10'000, 1000); });
  const uint64_t live = live_now();
  std::vector<void*> kept;
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i % 20 == 0) kept.push_back(blocks[i]);  // one or more in each slab of 64
    else free_fast(blocks[i]);
  }
  EXPECT_EQ(help_all(), Units{0});
  EXPECT_EQ(live_now(), live - (blocks.size() - kept.size()));
  for (void* p : kept) free_fast(p);
  EXPECT_NE(help_all(), Units{0});
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

// Of slabs that all keep a block, so that nothing goes back whole. The owner finds what was released when it wakes up:
// it needs no more units than before for as many blocks.
TEST(Help, pages_of_blocks_that_were_returned_to_a_sleeping_owner_go_back_and_serve_it_again) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  for (const size_t size : {size_t{100}, size_t{1000}, size_t{3000}, size_t{20'000}}) {
    const uint64_t live = live_now();
    Owner owner;
    std::vector<void*> blocks;
    owner.work([&] {
      blocks = allocate_blocks(16'000'000 / size, size);
      for (void* p : blocks) memset(p, 1, size);
    });
    const uint64_t units = map::used_units().n;
    std::vector<size_t> order(blocks.size());
    for (size_t i = 0; i < order.size(); i++) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    const size_t one_in = std::max<size_t>(11, 30'000 / size);  // two a slab or more
    for (const size_t i : order)
      if (i % one_in != 0) free_fast(std::exchange(blocks[i], nullptr));
    const uint64_t purged = os::read(&os::Counters::purged_bytes);
    const uint64_t live_few = live_now();
    post_my_outbox();
    help_all();
    EXPECT_GE(os::read(&os::Counters::purged_bytes) - purged, 10u << 20) << size;
    EXPECT_EQ(live_now(), live_few);
    EXPECT_EQ(broken_heap_rule(), nullptr);
    const uint64_t again = os::read(&os::Counters::purged_bytes);
    help_all();
    EXPECT_LT(os::read(&os::Counters::purged_bytes) - again, 64u << 10) << size << ": what is to be had was taken";
    owner.work([&] {
      for (void*& p : blocks)
        if (p == nullptr) memset(p = allocate(size), 1, size);
    });
    EXPECT_LE(map::used_units().n, units + units / 20) << size;
    EXPECT_LE(owner.heap()->classes[class_of(size)].out, blocks.size() + 300)
        << size << ": those on a free list beside";
    EXPECT_EQ(broken_heap_rule(), nullptr);
    owner.work([&] {
      for (void* p : blocks) free_fast(p);
    });
    EXPECT_EQ(live_now(), live);
  }
}

// A slab's next event follows from its floor, which a helper may not touch when it releases blocks that wait.
TEST(Help, slabs_of_which_blocks_were_released_while_they_waited_are_empty_when_the_rest_is_freed) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  for (const size_t size : {size_t{100}, size_t{1000}, size_t{20'000}}) {
    for (const bool were_partial : {false, true}) {
      Owner owner;
      std::vector<void*> blocks;
      owner.work([&] {
        blocks = allocate_blocks(8'000'000 / size, size);
        for (size_t i = 0; were_partial && i < blocks.size(); i += 3) free_fast(std::exchange(blocks[i], nullptr));
      });
      const size_t one_in = std::max<size_t>(11, 30'000 / size);
      for (size_t i = 0; i < blocks.size(); i++)
        if (i % one_in != 1) free_fast(std::exchange(blocks[i], nullptr));
      post_my_outbox();
      help_all();
      owner.work([&] {
        {
          const OwnerSection section(*this_heap);
          drain_inbox(*this_heap);
        }
        for (void* p : blocks) free_fast(p);
      });
      help_all();
      EXPECT_LE(owner.heap()->slab_units, 1u)
          << "that of a tiny class's free list; " << size << (were_partial ? ", partial" : ", full");
      EXPECT_EQ(broken_heap_rule(), nullptr);
    }
  }
}

// As where both are at it at once: the owner's mark is not there yet when the other thread looks.
TEST(HelpDeathTest, a_block_that_its_sleeping_owner_freed_and_another_thread_too_is_reported) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  const auto free_one_twice = [] {
    Owner owner;
    std::vector<void*> blocks;
    owner.work([&] {
      blocks = allocate_blocks(4000, 1000);
      for (size_t i = 0; i < 30; i++) free_fast(blocks[i]);  // one slab's
    });
    auto* const first = static_cast<Block*>(blocks[40]);
    auto* const twice = static_cast<Block*>(blocks[5]);
    const Slab& slab = slab_of(twice);
    first->next = twice;
    slab.heap->inbox.post({first, offset_in(slab, twice) >> kTinyShift, 2}, 2000);
    help_all();
  };
  EXPECT_DEATH(free_one_twice(), "double free");
}

TEST(Help, an_owner_inside_a_section_is_left_alone) {
  Owner owner;
  std::vector<void*> blocks;
  owner.work([&] { blocks = allocate_blocks(2000, 1000); });
  owner.work([&] {
    const OwnerSection section(*this_heap);
    const uint32_t units = this_heap->slab_units;
    std::thread([&] {
      for (void* p : blocks) free_fast(p);
      post_my_outbox();
      help_all();
    }).join();
    EXPECT_EQ(this_heap->slab_units, units);
  });
  EXPECT_NE(help_all(), Units{0});
}

TEST(Help, owners_at_work_and_helpers_do_not_disturb_each_other) {
  const uint64_t live = live_now();
  constexpr int kOwners = 3, kRounds = 60, kBlocks = 2000;
  std::atomic<bool> end{false};
  std::vector<std::atomic<void*>> shelf(kOwners * kBlocks);
  std::thread helper([&] {
    while (!end.load()) {
      help_all();
      help_idle(os::coarse_ms(), 10'000);
      help_on(os::coarse_ms(), 10'000);
      reclaim_idle_parked(os::coarse_ms(), 0);
    }
  });
  std::vector<std::thread> owners;
  for (int k = 0; k < kOwners; k++) {
    owners.emplace_back([&, k] {
      std::mt19937 random(static_cast<unsigned>(k));
      for (int round = 0; round < kRounds; round++) {
        for (int i = 0; i < kBlocks; i++) {
          const size_t size = 16 + random() % (random() % 16 == 0 ? 8000 : 300);
          void* const p = allocate(size);
          *static_cast<char*>(p) = 1;
          // Half of what lies on the shelf was put there by others: freed by their neighbour.
          std::atomic<void*>& place = shelf[random() % shelf.size()];
          free_fast(place.exchange(p));
        }
      }
    });
  }
  for (std::thread& thread : owners) thread.join();
  end = true;
  helper.join();
  for (std::atomic<void*>& place : shelf) free_fast(place.load());
  EXPECT_EQ(live_now(), live);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

// Blocks of all mid classes, of which the free lists hold some at any time.
void use_mid_classes() {
  for (size_t size = 1100; size < 60'000; size += size / 10)
    for (void* p : allocate_blocks(30, size)) free_fast(p);
}

TEST(Help, empty_slabs_that_an_owner_at_work_did_not_want_between_two_ticks_go_back) {
  constexpr uint64_t kTickMs = 10'000;
  Owner owner;
  owner.work([] {
    for (void* p : allocate_blocks(40'000, 100)) free_fast(p);
  });
  Heap& heap = *owner.heap();
  uint64_t now_ms = os::coarse_ms();
  const auto tick = [&] {
    heap.last_beat_ms = now_ms += kTickMs;
    return help_idle(now_ms, kTickMs);
  };
  tick();
  EXPECT_GE(heap.empty_units, 40u) << "may be wanted still";
  owner.work([] {
    for (void* p : allocate_blocks(10'000, 100)) free_fast(p);
  });
  const Units given = tick();
  EXPECT_GE(given.n, 35u);
  EXPECT_GE(heap.empty_units, 10u) << "were wanted";
  EXPECT_GE(tick().n, 10u) << "and were not since then";
  EXPECT_LE(heap.empty_units, 1u);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Help, free_lists_of_mid_classes_go_back_while_their_owner_sleeps) {
  const uint64_t live = live_now();
  reclaim(Bytes{0});  // a parked heap that the owner adopts has no slabs
  Owner owner;
  owner.work(use_mid_classes);
  Heap& heap = *owner.heap();
  ASSERT_GT(heap.slab_units, units_worth_taking());
  help_all();
  EXPECT_EQ(heap.slab_units, 0u);
  EXPECT_EQ(live_now(), live);
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work(use_mid_classes);
  EXPECT_EQ(live_now(), live);
}

TEST(Help, a_list_stays_where_it_is_when_nobody_can_know_whose_it_is) {
  const uint64_t live = live_now();
  Owner owner;
  owner.work(use_mid_classes);
  Heap& heap = *owner.heap();
  const std::vector<Block*> lists(heap.free, heap.free + kClasses);
  os::fault::arm({.call = os::fault::Call::barrier, .from = 2, .error = EPERM});  // the first is the helper's own
  help_all();
  os::fault::disarm();
  EXPECT_EQ(std::vector<Block*>(heap.free, heap.free + kClasses), lists);
  owner.work(use_mid_classes);
  EXPECT_EQ(live_now(), live);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

// Each block says whose it is as long as it lives: one that were handed out twice would tell.
TEST(Help, a_list_is_taken_whole_or_not_at_all_from_an_owner_at_work) {
  const uint64_t live = live_now();
  std::atomic<bool> end{false};
  std::thread helper([&end] {
    while (!end.load()) help_all();
  });
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> owners;
  for (uint64_t k = 1; k <= 2; k++)
    owners.emplace_back([k, &wrong] {
      std::mt19937 random(static_cast<unsigned>(k));
      std::vector<std::pair<uint64_t*, uint64_t>> held(200);
      for (uint64_t i = 0; i < 200'000; i++) {
        auto& [block, tag] = held[random() % held.size()];
        if (block != nullptr && (block[0] != tag || block[1] != tag)) wrong++;
        if (block != nullptr) free_fast(block);
        block = static_cast<uint64_t*>(allocate(1100 + random() % 20'000));
        tag = k << 32 | i;
        block[0] = block[1] = tag;
      }
      for (auto& [block, tag] : held) free_fast(block);
    });
  for (std::thread& thread : owners) thread.join();
  end = true;
  helper.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(live_now(), live);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Help, a_forked_child_uses_the_memory_of_threads_that_stayed_in_the_parent) {
  Owner owner;
  std::vector<void*> blocks;
  owner.work([&] { blocks = allocate_blocks(20'000, 500); });
  for (size_t i = 0; i < blocks.size(); i += 2) free_fast(blocks[i]);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const HeapCounts heaps = count_heaps();
    std::vector<std::unique_ptr<Owner>> takers;  // of the heaps that are parked, so that the next one finds the orphan
    for (uint64_t i = 0; i < heaps.parked; i++) {
      takers.push_back(std::make_unique<Owner>());
      takers.back()->work([] { free_fast(allocate(1)); });
    }
    Owner adopter;
    const uint64_t used = map::used_units().n;
    std::vector<void*> more;
    adopter.work([&] { more = allocate_blocks(5'000, 500); });
    const bool adopted = count_heaps().all == heaps.all && map::used_units().n <= used;
    for (void* p : more) free_fast(p);
    for (size_t i = 1; i < blocks.size(); i += 2) free_fast(blocks[i]);
    _exit(adopted && broken_heap_rule() == nullptr ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (size_t i = 1; i < blocks.size(); i += 2) free_fast(blocks[i]);
}

TEST(Help, a_forked_child_gets_back_what_it_frees_of_the_parent_s_other_threads) {
  free_fast(allocate(1));  // or this thread would adopt the other's heap
  Owner owner;
  std::vector<void*> blocks, large;
  owner.work([&] {
    blocks = allocate_blocks(20'000, 500);
    large = allocate_blocks(10, 500'000);
    for (void* p : large) free_fast(p);  // onto its stacks
  });
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const uint64_t used = map::used_units().n;
    for (void* p : blocks) free_fast(p);
    post_my_outbox();
    const uint64_t later = os::coarse_ms() + 1'000'000;
    for (uint64_t tick = 1; tick <= 3; tick++) tick_if_due(later * tick);
    const bool at_ticks = map::used_units().n + 140 < used;
    reclaim(Bytes{0});
    const bool all = map::used_units().n + 145 < used;
    _exit((at_ticks ? 0 : 1) + (all ? 0 : 2) + (broken_heap_rule() == nullptr ? 0 : 4));
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (void* p : blocks) free_fast(p);
}

TEST(Help, a_fork_waits_for_a_tick) {
  free_fast(allocate(1));
  Owner other;
  std::optional<TickPause> tick;
  other.work([&] { tick.emplace(); });
  std::atomic<bool> ended{false};
  std::thread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ended = true;
    other.work([&] { tick.reset(); });
  });
  const pid_t child = fork();
  if (child == 0) {
    free_fast(allocate(100'000'000));  // too large for any cache: units
    _exit(ended && tick_if_due(2 * os::coarse_ms()) ? 0 : 1);
  }
  ends.join();
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(ended);
}

// As in a signal handler that interrupted a critical section.
TEST(Help, a_child_of_a_fork_that_could_not_wait_for_a_tick_does_ticks_of_its_own) {
  free_fast(allocate(1));
  Owner other;
  std::optional<TickPause> tick;
  other.work([&] { tick.emplace(); });
  const uint64_t later = os::coarse_ms() + 1'000'000;
  EXPECT_FALSE(tick_if_due(later)) << "one at a time";
  os::Lock interrupted(os::Rank::output);
  interrupted.lock();
  const pid_t child = fork();
  interrupted.unlock();
  ASSERT_GE(child, 0);
  if (child == 0) {
    free_fast(allocate(100'000'000));  // too large for any cache: units
    _exit(tick_if_due(2 * later) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  other.work([&] { tick.reset(); });
}

// As a child finds it whose parent forked while another thread was in release_slab().
TEST(Rebuild, a_slab_that_was_being_given_up_is_its_heap_s_again) {
  Owner owner;
  owner.work([] {
    void* const p = allocate(50'000);
    Slab& slab = *reinterpret_cast<Slab*>(map::entry_at(map::offset_of(p)).meta.load());
    free_fast(p);
    slab.heap = nullptr;
    rebuild_heap(*this_heap);
    EXPECT_EQ(slab.heap, this_heap);
  });
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

// The middle of release_free_pages(): pages are named as given back, their blocks still on the list.
TEST(Rebuild, blocks_of_released_pages_are_taken_off_the_list) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  Owner owner;
  owner.work([] {
    const std::vector<void*> blocks = allocate_blocks(2000, 64);
    Slab& slab = *reinterpret_cast<Slab*>(map::entry_at(map::offset_of(blocks[1000])).meta.load());
    for (void* p : blocks) free_fast(p);
    ASSERT_GT(freed_blocks(slab), 100u);
    slab.released_pages = 1;
    rebuild_heap(*this_heap);
    EXPECT_GT(slab.released, 0);
    EXPECT_EQ(broken_rule(slab), nullptr);
  });
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(Rebuild, a_child_counts_what_waits_in_the_outbox_of_a_heap_that_a_helper_was_at) {
  Owner owner;
  void* const mine = allocate(16);
  owner.work([mine] { free_fast(mine); });
  Heap* const heap = owner.heap();
  Owner helper;
  helper.work([heap] { heap->lock.lock(); });
  const uint64_t live = live_now();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(live_now() == live ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  helper.work([heap] { heap->lock.unlock(); });
}

TEST(Reclaim, a_parked_heap_that_nobody_adopts_gives_back_what_it_listed) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  std::vector<void*> few;
  Heap* heap = nullptr;
  {
    Owner owner;
    owner.work([&] {
      few = allocate_and_leave_few();
      heap = this_heap;
    });
  }
  const uint64_t purged = os::read(&os::Counters::purged_bytes);
  const uint64_t live = live_now();
  reclaim_idle_parked(os::coarse_ms(), 10'000);
  EXPECT_EQ(os::read(&os::Counters::purged_bytes), purged) << "it was parked just now";
  heap->last_beat_ms = 0;
  const HeapCounts heaps = count_heaps();
  reclaim_idle_parked(os::coarse_ms(), 1);
  EXPECT_GE(os::read(&os::Counters::purged_bytes) - purged, 2u << 20);
  EXPECT_EQ(count_heaps().parked, heaps.parked);
  for (const Block* list : heap->free) EXPECT_EQ(list, nullptr);
  EXPECT_EQ(live_now(), live);
  EXPECT_EQ(broken_heap_rule(), nullptr);
  for (void* p : few) free_fast(p);
}

}  // namespace
}  // namespace hak
