// The outbox: how blocks of other heaps are gathered, when they are posted and in which shape, what is seen of misuse,
// and what becomes of them when the owner, or who freed them, has gone.
#include "heap/outbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "heap/allocate.h"
#include "heap/fast.h"
#include "heap/help.h"
#include "heap/reclaim.h"
#include "heap/refill.h"
#include "heap/section.h"
#include "heap/thread.h"
#include "heap/tick.h"
#include "map/super_slab.h"
#include "os/own_thread.h"
#include "unit/heap/owner.h"

namespace hak {
namespace {

Slab& slab_at(void* p) { return slab_of(static_cast<Block*>(p)); }

// An outbox of this thread's beside its heap's own, so that it begins empty and nothing else fills it. The owner of the
// blocks sleeps, and decay ticks are kept away: what is posted lies in its inbox.
class OutboxTest : public testing::Test {
 protected:
  OutboxTest() {
    heap_of_thread();
    pause_.emplace();
    empty_inbox();
  }
  ~OutboxTest() override {
    post_all();
    pause_.reset();
    EXPECT_EQ(broken_heap_rule(), nullptr);
  }

  void empty_inbox() {
    owner_.work([] {
      const OwnerSection section(*heap_of_thread());
      drain_inbox(*this_heap);
    });
  }
  std::vector<void*> allocate_elsewhere(size_t count, size_t size) {
    std::vector<void*> blocks;
    owner_.work([&] { blocks = allocate_blocks(count, size); });
    return blocks;
  }
  Outbox::Result put(void* p) {
    const OwnerSection section(*this_heap);
    return outbox_.put(*this_heap, slab_at(p), p);
  }
  void post_all() {
    const OwnerSection section(*this_heap);
    outbox_.post_all(*this_heap);
  }
  // As most are freed.
  Outbox::Gathered gather(void* p) {
    const OwnerSection section(*this_heap);
    return outbox_.gather(slab_at(p), p);
  }

  const Outbox::Slot* slot_of_slab(const Slab& slab) const {
    const Outbox::Slot* const end = outbox_.slots() + Outbox::kSlots;
    const Outbox::Slot* const slot =
        std::find_if(outbox_.slots(), end, [&](const Outbox::Slot& s) { return s.slab == &slab; });
    return slot != end ? slot : nullptr;
  }
  uint64_t gathered_blocks() const {
    return sum([](const Outbox::Slot& slot) { return uint64_t{slot.count()}; });
  }
  uint64_t gathered_bytes() const {
    return sum([](const Outbox::Slot& slot) { return uint64_t{slot.count()} * slot.block_bytes; });
  }

  // What lies in the owner's inbox: all of a batch is of one slab, in the list that its facts describe.
  struct Posted {
    std::vector<const void*> blocks;
    uint32_t batches = 0, most_blocks = 0;
    uint64_t most_bytes = 0;
  };
  Posted posted() {
    Posted all;
    for (const Block* at = owner_.heap()->inbox.peek(); at != nullptr;) {
      Block* next = nullptr;
      const Batch batch = read_batch(const_cast<Block*>(at), &next);
      const Slab& slab = slab_of(at);
      const Block* last = at;
      for (uint32_t i = 0; i < batch.count; i++) {
        all.blocks.push_back(last);
        EXPECT_EQ(&slab_of(last), &slab);
        const Block* const behind = unpack_block(reinterpret_cast<uint64_t>(last->next));
        EXPECT_EQ(behind == nullptr, i + 1 == batch.count) << "the list has as many as its count says";
        if (behind != nullptr) last = behind;
      }
      EXPECT_EQ(offset_in(slab, last), batch.last_granule << kTinyShift) << "its last block";
      all.batches++;
      all.most_blocks = std::max(all.most_blocks, batch.count);
      all.most_bytes = std::max(all.most_bytes, uint64_t{batch.count} * slab.block_bytes);
      at = next;
    }
    return all;
  }

  Owner owner_;
  Outbox outbox_{};

 private:
  template <class Count>
  uint64_t sum(Count count) const {
    uint64_t n = 0;
    for (unsigned i = 0; i < Outbox::kSlots; i++)
      if (outbox_.slots()[i].slab != nullptr) n += count(outbox_.slots()[i]);
    return n;
  }

  std::optional<TickPause> pause_;
};

uint64_t remote_freed(size_t size) { return this_heap->remote_freed[class_of(size)]; }

// ---- gathering and posting ------------------------------------------------------------------------------------------

TEST_F(OutboxTest, each_block_is_gathered_or_posted_once) {
  std::vector<void*> blocks;
  for (const size_t size : {16, 100, 600, 3000, 9000})
    for (void* p : allocate_elsewhere(size < 1000 ? 500 : 40, size)) blocks.push_back(p);
  std::shuffle(blocks.begin(), blocks.end(), std::mt19937(3));
  for (size_t i = 0; i < blocks.size(); i++) {
    const Outbox::Result result = put(blocks[i]);
    ASSERT_TRUE(result == Outbox::Result::done || result == Outbox::Result::step);
    if (i % 100 == 0) {
      ASSERT_EQ(gathered_blocks() + posted().blocks.size(), i + 1);
    }
  }
  post_all();
  EXPECT_EQ(gathered_blocks(), 0u);
  std::vector<const void*> back = posted().blocks;
  std::vector<const void*> all(blocks.begin(), blocks.end());
  std::sort(back.begin(), back.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(back, all);
}

TEST_F(OutboxTest, a_batch_is_posted_when_it_has_64_blocks_or_64_KiB_or_four_larger_ones) {
  struct Case {
    size_t size;
    uint32_t blocks;
  };
  for (const Case& c :
       {Case{16, 64}, Case{512, 64}, Case{1280, 51}, Case{2048, 32}, Case{7168, 9}, Case{20'000, 4}, Case{60'000, 4}}) {
    // Less than the owner would be helped for.
    const std::vector<void*> blocks = allocate_elsewhere(std::min<size_t>(500, (size_t{3} << 19) / c.size), c.size);
    for (void* p : blocks) put(p);
    post_all();
    const Posted all = posted();
    empty_inbox();
    EXPECT_EQ(all.most_blocks, c.blocks) << c.size;
    EXPECT_LE(all.most_bytes, std::max<size_t>(Outbox::kSlotBytes, 4 * (size_t{60} << 10))) << c.size;
    EXPECT_GE(all.batches, blocks.size() / c.blocks) << c.size;
  }
}

TEST_F(OutboxTest, what_waits_in_it_is_bounded) {
  // One after the other of as many slabs as there are slots, so that most slots are open at a time.
  std::map<const Slab*, std::vector<void*>> by_slab;
  for (void* p : allocate_elsewhere(8 * Outbox::kSlots, 60'000)) by_slab[&slab_at(p)].push_back(p);
  uint64_t most = 0;
  for (size_t round = 0; round < 4; round++) {
    for (const auto& [slab, blocks] : by_slab) {
      if (round >= blocks.size()) continue;
      put(blocks[round]);
      most = std::max(most, gathered_bytes());
    }
  }
  EXPECT_LE(most, Outbox::kMostBytes);
  EXPECT_GT(most, Outbox::kMostBytes / 8);
}

TEST_F(OutboxTest, large_slots_leave_room_for_small_blocks) {
  std::map<const Slab*, void*> one_of_each;  // so that their slots stay open
  for (void* p : allocate_elsewhere(8 * Outbox::kSlots, 60'000)) one_of_each[&slab_at(p)] = p;
  for (const auto& [slab, p] : one_of_each) put(p);
  const std::vector<void*> small = allocate_elsewhere(2 * Outbox::kFreesPerStep, 64);
  uint32_t most = 0;
  for (void* p : small) {
    put(p);
    const Outbox::Slot* const slot = slot_of_slab(slab_at(p));
    if (slot != nullptr) most = std::max<uint32_t>(most, slot->limit);
  }
  EXPECT_EQ(most, Outbox::kMostSlotBlocks);
}

TEST_F(OutboxTest, a_thread_that_has_gathered_much_and_stops_is_looked_after) {
  if (kThreadSanitizer) GTEST_SKIP() << "the thread sanitizer has no background thread";
  void* const in_use = allocate(8 << 20);
  const std::vector<void*> blocks = allocate_elsewhere(4, 50'000);
  ASSERT_FALSE(os::own_thread_runs());
  put(blocks[0]);
  EXPECT_TRUE(os::own_thread_runs());
  free_fast(in_use);
}

TEST_F(OutboxTest, a_block_does_not_wait_for_long_in_a_thread_that_goes_on) {
  std::vector<void*> others = allocate_elsewhere(Outbox::kSlots * Outbox::kFreesPerStep + 20, 16);
  void* const p = allocate_elsewhere(1, 700)[0];
  const auto put_another = [&] {
    put(others.back());
    others.pop_back();
  };
  put_another();  // a step: the next one isn't due for a while
  put(p);
  ASSERT_NE(slot_of_slab(slab_at(p)), nullptr);
  size_t frees = 0;
  for (; slot_of_slab(slab_at(p)) != nullptr && !others.empty(); frees++) put_another();
  EXPECT_LE(frees, Outbox::kSlots * Outbox::kFreesPerStep);
  while (!others.empty()) put_another();
}

TEST_F(OutboxTest, one_in_16_frees_is_a_step_whichever_way_they_come) {
  const std::vector<void*> blocks = allocate_elsewhere(1600, 64);
  int steps = 0;
  for (void* p : blocks) {
    Outbox::Result result = Outbox::Result::done;
    switch (gather(p)) {
      case Outbox::Gathered::no:
        result = put(p);
        break;
      case Outbox::Gathered::due: {
        const OwnerSection section(*this_heap);
        result = outbox_.tidy(*this_heap, slab_at(p));
        break;
      }
      case Outbox::Gathered::yes:
        break;
    }
    steps += result == Outbox::Result::step;
  }
  EXPECT_GE(steps, 100);
  EXPECT_LE(steps, 101);
}

TEST_F(OutboxTest, where_two_slabs_need_one_slot_the_first_one_s_blocks_are_posted) {
  const std::vector<void*> blocks = allocate_elsewhere(60'000, 100);
  std::map<const Slab*, void*> by_slab;
  for (void* p : blocks) by_slab.emplace(&slab_at(p), p);
  ASSERT_GT(by_slab.size(), size_t{Outbox::kSlots}) << "some share a slot";
  for (const auto& [slab, p] : by_slab) {
    put(p);
    const Outbox::Slot* const slot = slot_of_slab(*slab);
    EXPECT_TRUE(slot == nullptr || slot->count() == 1);
  }
  EXPECT_EQ(gathered_blocks() + posted().blocks.size(), by_slab.size());
  for (void* p : blocks)
    if (by_slab[&slab_at(p)] != p) put(p);
}

TEST_F(OutboxTest, only_a_slot_that_is_open_for_the_slab_gathers) {
  const std::vector<void*> blocks = allocate_elsewhere(3, 64);
  put(allocate_elsewhere(1, 500)[0]);  // a step: the next one isn't due for a while
  EXPECT_EQ(gather(blocks[0]), Outbox::Gathered::no);
  EXPECT_EQ(slot_of_slab(slab_at(blocks[0])), nullptr) << "it wasn't freed";
  put(blocks[0]);
  EXPECT_EQ(gather(blocks[1]), Outbox::Gathered::yes);
  ASSERT_NE(slot_of_slab(slab_at(blocks[0])), nullptr);
  EXPECT_EQ(slot_of_slab(slab_at(blocks[0]))->count(), 2u);
  post_all();
  EXPECT_EQ(gather(blocks[2]), Outbox::Gathered::no);
  put(blocks[2]);
}

TEST_F(OutboxTest, what_was_posted_is_counted_by_class) {
  const std::vector<void*> small = allocate_elsewhere(500, 32), larger = allocate_elsewhere(30, 2000);
  const uint64_t small_before = remote_freed(32), larger_before = remote_freed(2000);
  for (void* p : small) put(p);
  for (void* p : larger) put(p);
  EXPECT_EQ(remote_freed(32) + remote_freed(2000) + gathered_blocks(), small_before + larger_before + 530);
  post_all();
  EXPECT_EQ(remote_freed(32), small_before + 500);
  EXPECT_EQ(remote_freed(2000), larger_before + 30);
}

TEST_F(OutboxTest, an_owner_in_whose_inbox_2_MiB_wait_is_helped) {
  const std::vector<void*> blocks = allocate_elsewhere(16'000, 1000);
  const uint64_t used = map::used_units().n;
  for (void* p : blocks) put(p);
  post_all();
  EXPECT_LT(owner_.heap()->inbox.waiting_kib(), 2 * kWaitsLongKib);
  EXPECT_LT(map::used_units().n + 100, used) << "250 units were returned";
}

// ---- misuse ---------------------------------------------------------------------------------------------------------

TEST_F(OutboxTest, a_pointer_into_a_block_is_seen_and_changes_nothing) {
  const std::vector<void*> blocks = allocate_elsewhere(2, 100);
  put(allocate_elsewhere(1, 500)[0]);  // a step: the next one isn't due for a while
  const auto inside = [](void* p) { return static_cast<char*>(p) + 16; };
  EXPECT_EQ(put(inside(blocks[0])), Outbox::Result::interior) << "no slot is open";
  EXPECT_EQ(put(blocks[0]), Outbox::Result::done);
  EXPECT_EQ(gather(inside(blocks[1])), Outbox::Gathered::no);
  EXPECT_EQ(put(inside(blocks[1])), Outbox::Result::interior);
  ASSERT_NE(slot_of_slab(slab_at(blocks[0])), nullptr);
  EXPECT_EQ(slot_of_slab(slab_at(blocks[0]))->count(), 1u);
  EXPECT_EQ(put(blocks[1]), Outbox::Result::done);
}

TEST_F(OutboxTest, a_second_free_is_seen_while_the_block_is_gathered_and_when_it_was_posted) {
  for (const size_t size : {16, 512}) {
    std::vector<void*> blocks = allocate_elsewhere(7, size);
    put(allocate_elsewhere(1, 700)[0]);  // a step: the next one isn't due for a while
    for (void* p : blocks) put(p);
    for (void* p : blocks) {
      EXPECT_EQ(put(p), Outbox::Result::marked) << size;
      EXPECT_EQ(gather(p), Outbox::Gathered::no) << size;
    }
    ASSERT_NE(slot_of_slab(slab_at(blocks[0])), nullptr);
    EXPECT_EQ(slot_of_slab(slab_at(blocks[0]))->count(), 7u);
    post_all();
    for (void* p : blocks) EXPECT_EQ(put(p), Outbox::Result::marked) << size;
    void* const alone = allocate_elsewhere(1, size)[0];
    put(alone);
    post_all();
    EXPECT_EQ(put(alone), Outbox::Result::marked) << size;
    EXPECT_EQ(gathered_blocks(), 0u) << size;
  }
}

TEST_F(OutboxTest, whatever_a_program_writes_into_a_block_it_can_be_freed) {
  const std::vector<void*> blocks = allocate_elsewhere(200, 64);
  std::mt19937_64 random(5);
  const uint64_t live = live_now();
  for (size_t i = 0; i < blocks.size(); i++) {
    const auto pointer = reinterpret_cast<uint64_t>(blocks[random() % blocks.size()]);
    const uint64_t words[] = {0,
                              ~uint64_t{0},
                              random(),
                              pointer,
                              reinterpret_cast<uint64_t>(&slab_at(blocks[i])),
                              uint64_t{1} << kPointerBits};
    auto* const block = static_cast<uint64_t*>(blocks[i]);
    block[0] = words[i % 6];
    block[1] = words[i / 6 % 6];
    free_fast(block);
  }
  EXPECT_EQ(live_now(), live - blocks.size());
}

// ---- who has gone ---------------------------------------------------------------------------------------------------

// Of a thread that has ended: blocks, and the heap that it left.
struct Left {
  explicit Left(size_t count, size_t size) {
    Owner owner;
    owner.work([&] { blocks = allocate_blocks(count, size); });
    heap = owner.heap();
  }
  void free_all() const {
    for (void* p : blocks) free_fast(p);
    const OwnerSection section(*this_heap);
    this_heap->outbox.post_all(*this_heap);
  }

  std::vector<void*> blocks;
  Heap* heap = nullptr;
};

TEST(OutboxOfGone, blocks_of_a_thread_that_has_ended_are_the_next_one_s_that_adopts_its_heap) {
  heap_of_thread();
  const uint64_t before = live_now();
  Left left(5000, 200);
  ASSERT_EQ(state_of(*left.heap), HeapState::parked);
  left.free_all();
  EXPECT_EQ(live_now(), before);
  Owner next;
  ASSERT_EQ(next.heap(), &g_empty_heap) << "it did nothing yet";
  const uint64_t used = map::used_units().n;
  std::vector<void*> again;
  next.work([&] { again = allocate_blocks(5000, 200); });
  ASSERT_EQ(next.heap(), left.heap);
  EXPECT_LE(map::used_units().n, used);
  std::sort(left.blocks.begin(), left.blocks.end());
  size_t reused = 0;
  for (void* p : again) reused += std::binary_search(left.blocks.begin(), left.blocks.end(), p);
  EXPECT_GT(reused, 4500u);
  EXPECT_EQ(live_now(), before + again.size());
  next.work([&] {
    for (void* p : again) free_fast(p);
  });
  EXPECT_EQ(live_now(), before);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST(OutboxOfGone, what_waits_for_a_heap_that_nobody_adopts_is_given_back_by_a_reclaim) {
  heap_of_thread();
  const uint64_t before = live_now();
  const Left left(5000, 1000);
  const uint64_t used = map::used_units().n;
  left.free_all();
  reclaim(Bytes{0});
  EXPECT_TRUE(left.heap->inbox.empty());
  EXPECT_LE(map::used_units().n + 70, used) << "78 units were returned";
  EXPECT_EQ(live_now(), before);
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

TEST_F(OutboxTest, a_thread_that_ends_posts_what_it_has_gathered) {
  for (const size_t count : {1, 5, 40}) {
    std::vector<void*> blocks = allocate_elsewhere(count, 64);
    const uint64_t before = posted().blocks.size();
    std::thread([&] {
      for (void* p : blocks) free_fast(p);
    }).join();
    EXPECT_EQ(posted().blocks.size(), before + count);
  }
}

TEST_F(OutboxTest, a_thread_without_a_heap_posts_each_block_at_once) {
  constexpr size_t kSize = 96;
  const std::vector<void*> blocks = allocate_elsewhere(10, kSize);
  const uint64_t before = posted_without_heap(class_of(kSize));
  const uint64_t live = live_now();
  for (void* p : blocks) post_one(slab_at(p), p);
  const Posted all = posted();
  EXPECT_EQ(all.batches, 10u);
  EXPECT_EQ(all.blocks, std::vector<const void*>(blocks.rbegin(), blocks.rend())) << "newest first";
  EXPECT_EQ(posted_without_heap(class_of(kSize)), before + 10);
  EXPECT_EQ(posted_without_heap(class_of(kSize) + 1), 0u);
  EXPECT_EQ(live_now(), live - 10);
}

}  // namespace
}  // namespace hak
