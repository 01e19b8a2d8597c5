// The commonest refill: blocks that came back to the class's current slab. Inlined where a free list runs empty, with
// no call that would save registers; everything else is refilled_by_ladder's.
#pragma once

#include "heap/fast.h"
#include "heap/heartbeat.h"
#include "heap/refill.h"
#include "heap/section.h"

namespace hak {

/// Whether the caller is in the heap's section already.
enum class Where : bool { outside, in_section };

/// A block of a class whose free list is empty, by any stage, by purging if need be, for a thread without a heap too.
/// Leaves the section. Null, errno = ENOMEM: there is no memory.
[[gnu::noinline]] void* refilled_by_ladder(Heap* heap, unsigned c, Where where);

/// heartbeat(heap), for a tail call.
[[gnu::noinline]] void* heartbeat_and(Block* block, Heap& heap);

/// Pops a block of a list that isn't empty.
inline Block* pop(Heap& heap, unsigned c) { return take_first(heap, c, heap.free[c]); }

/// Leaves the section of a refill that found blocks.
[[gnu::always_inline]] inline void* leave_with_block(Heap& heap, unsigned c) {
  Block* const block = pop(heap, c);
  leave_section(heap);
  return beat_is_due(heap) ? heartbeat_and(block, heap) : block;
}

/// Stage `freed` of the ladder, when nothing waits in the inbox, which comes before it. Counts itself. In a section.
[[gnu::always_inline]] inline bool refill_from_current(Heap& heap, unsigned c) {
  if (heap.slab_units == 0) return false;  // a young thread in a crowd doesn't touch the page of its classes
  ClassHeap& ch = heap.classes[c];
  Slab* const s = ch.current;
  if (s == nullptr || !heap.inbox.empty() || !hand_out_freed(heap, c, *s)) return false;
  ch.refills[HAKMEM_STAGE_FREED]++;
  return true;
}

/// A block by that stage, or what by_ladder(heap, c, where) returns. `heap` may be no real one.
template <class ByLadder>
[[gnu::always_inline]] inline void* refilled_or(Heap* heap, unsigned c, ByLadder by_ladder) {
  if (!is_real(heap) || !enter_section(*heap)) [[unlikely]]
    return by_ladder(heap, c, Where::outside);
  if (refill_from_current(*heap, c)) [[likely]]
    return leave_with_block(*heap, c);
  return by_ladder(heap, c, Where::in_section);
}

}  // namespace hak
