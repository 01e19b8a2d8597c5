// Blocks of other heaps that this thread freed, gathered per slab, so that one atomic operation returns many.
// The thread's own; used by heap/.
//
// A slot gathers for one slab. It is posted to the owner's inbox when it is full, when another slab needs the slot,
// where all together would come to hold too much, and by a hand that moves on one slot every few frees, so that nothing
// waits for long in a thread that goes on.
// What a thread that stops may leave waiting is at most kMostBytes, and pins the slabs of so many slots, until a decay tick
// posts it.
//
//   open_     bit i: slots_[i].slab != null          wide_ is a subset of it
//   reserved_ = sum of limit x block_bytes of the open slots
#pragma once

#include <cstdint>

#include "heap/counted.h"
#include "slab/slab.h"

namespace hak {

struct Heap;

class Outbox {
 public:
  static constexpr unsigned kSlots = 64;  // the bits of open_
  // Of one slab: few enough bytes, but some blocks. Each batch costs the owner a cache miss, and both an atomic operation.
  static constexpr uint32_t kSlotBytes = 64 << 10;
  static constexpr uint32_t kLeastSlotBlocks = 4, kMostSlotBlocks = 64;
  static constexpr uint32_t kMostBytes = 2 << 20;
  static constexpr uint32_t kFreesPerStep = 16;

  struct Slot {
    Slab* slab;  // null: empty
    Block* head;
    uint32_t reciprocal;
    uint32_t start;  // of the slab: the address's low half
    uint16_t block_bytes;
    uint16_t last_granule;
    uint8_t room;   // for so many more: one at least
    uint8_t limit;  // as it began
    uint32_t count() const { return uint32_t{limit} - room; }
  };
  static_assert(sizeof(Slot) == 32);

  enum class Gathered : uint8_t { no, yes, due };

  /// The fast path: puts block `p` into the slot that is open for its slab. no: none is, or it isn't a live block. due:
  /// done, and tidy() has to follow. In a section.
  [[gnu::always_inline]] Gathered gather(Slab& slab, void* p) {
    Slot& slot = slot_for(slab);
    Block* const block = static_cast<Block*>(p);
    const uint32_t offset = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p)) - slot.start;
    if (slot.slab != &slab || block->mark == reinterpret_cast<uint64_t>(&slab)) [[unlikely]]
      return Gathered::no;
    if (block_index(slot.reciprocal, offset) * slot.block_bytes != offset) [[unlikely]]
      return Gathered::no;
    block->mark = reinterpret_cast<uint64_t>(&slab);
    block->next = slot.head;
    slot.head = block;
    count_free(slab.size_class);
    const bool full = --slot.room == 0;
    const bool step = --left_in_step_ < 0;
    return full || step ? Gathered::due : Gathered::yes;
  }

  // step: done, and once in kFreesPerStep frees: the hand moved on, a beat is due. marked: it looks free already
  enum class Result : uint8_t { done, step, interior, marked };

  /// Frees block `p` of another heap's slab, in any case. heap: the calling thread's, whose counters count it; in a
  /// section.
  Result put(Heap& heap, Slab& slab, void* p);

  /// After a block of `slab` was gathered: posts what is full, and moves the hand on where that is due.
  Result tidy(Heap& heap, const Slab& slab);

  /// Posts all that is gathered.
  void post_all(Heap& heap);

  /// Drops what is gathered: in a forked child, of a thread that stayed in the parent perhaps halfway through a put().
  void forget() {
    for (Slot& slot : slots_) slot = {};
    open_ = wide_ = 0;
    reserved_ = 0;
  }

  const Slot* slots() const { return slots_; }

  /// How often the hand moved on.
  uint32_t steps() const { return hand_; }

 private:
  Slot& slot_for(const Slab& slab) { return slots_[(reinterpret_cast<uintptr_t>(&slab) / kCacheLine) % kSlots]; }
  void open(Heap& heap, Slot& slot, Slab& slab, Block* block);
  void post(Heap& heap, Slot& slot);
  uint64_t bit_of(const Slot& slot) const { return uint64_t{1} << (&slot - slots_); }

  Slot slots_[kSlots];
  uint64_t open_;      // bit i: slot i holds something
  uint64_t wide_;      // and may come to hold much
  uint32_t reserved_;  // bytes that the open slots may come to hold
  int32_t left_in_step_;
  uint32_t hand_;
};

/// Whether the block at `p` bears what one that was freed does: a mark, or the links of a batch. A guess: a program may have
/// written it there.
bool looks_free(const Slab& slab, const void* p);

/// Frees one block to its owner's inbox at once: for threads that have no heap.
void post_one(Slab& slab, void* p);

/// How many blocks of class `c` post_one() posted.
uint64_t posted_without_heap(unsigned c);

}  // namespace hak
