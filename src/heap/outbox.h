// Blocks of other heaps that this thread freed, gathered per slab, so that one atomic operation returns many.
// The thread's own; used by heap/.
//
// A slot gathers for one slab. It is posted to the owner's inbox when it is full, when another slab needs the slot,
// and by a hand that moves on one slot every few frees, so that nothing waits for long in a thread that goes on.
// What a thread that stops may leave waiting is at most kSlots * kSlotBytes.
#pragma once

#include <cstdint>

#include "slab/slab.h"

namespace hak {

struct Heap;

class Outbox {
 public:
  static constexpr unsigned kSlots = 32;
  static constexpr uint32_t kSlotBytes = 4096;
  static constexpr uint32_t kSlotBlocks = 64;
  static constexpr uint32_t kFreesPerStep = 16;

  struct Slot {
    Slab* slab;  // null: empty
    Block* head;
    char* start;  // of the slab
    uint32_t block_bytes;
    uint32_t reciprocal;
    uint32_t last_granule;
    uint16_t count;
    uint16_t limit;
  };
  static_assert(sizeof(Slot) == 40);

  // step: done, and once in kFreesPerStep frees: the hand moved on, a beat is due
  enum class Result : uint8_t { done, step, interior, marked };

  /// Frees block `p` of another heap's slab. heap: the calling thread's, whose counters count it; in a section.
  Result put(Heap& heap, Slab& slab, void* p);

  /// Posts all that is gathered.
  void post_all(Heap& heap);

  /// Drops what is gathered: in a forked child, of a thread that stayed in the parent perhaps halfway through a put().
  void forget() {
    for (Slot& slot : slots_) slot = {};
  }

  const Slot* slots() const { return slots_; }

 private:
  Slot& slot_for(const Slab& slab) { return slots_[(reinterpret_cast<uintptr_t>(&slab) / kCacheLine) % kSlots]; }
  static void open(Slot& slot, Slab& slab);
  static void post(Heap& heap, Slot& slot);
  static void close_unused(Slot& slot);

  Slot slots_[kSlots];
  uint32_t frees_;
  uint32_t hand_;
};

/// Frees one block to its owner's inbox at once: for threads that have no heap any more.
void post_one(Slab& slab, void* p);

/// How many blocks of class `c` post_one() posted.
uint64_t posted_without_heap(unsigned c);

}  // namespace hak
