// Giving memory back: what heaps hold unused goes to the SuperSlabs, and from there to the system. The top of every
// failure path: lower layers return null, this one purges, and the caller tries once more.
#pragma once

#include "base/units.h"
#include "heap/heap.h"

namespace hak {

/// Drains the heap's inbox, puts unused blocks back into their slabs and gives its empty slabs and its kept spans to the
/// SuperSlabs. The caller owns the heap: its thread in a section, or the holder of the locks that guard it where it has no
/// thread.
void give_back_unused(Heap& heap);

/// The same, and gives free pages of the other slabs to the system.
void reclaim_heap(Heap& heap);

/// Puts all free lists back into their slabs. As flush_cold_lists().
void flush_lists(Heap& heap);

/// Puts the free lists back into their slabs from which nobody took enough for a refill since this was last done: each
/// pins a slab. For the owner in a section.
void flush_cold_lists(Heap& heap);

/// At a decay tick: reclaim_heap() for parked heaps that have been left alone since before the last one. Small heaps
/// keep what they have, for threads that come and go. Takes the registry's lock.
void reclaim_idle_parked(uint64_t now_ms, uint64_t tick_ms);

/// reclaim_heap() for the calling thread's, the parked and the shared heaps, help for those of threads that are
/// elsewhere; then purges what is free until at most `keep` bytes of it are resident. Returns the bytes given back to
/// the system. Takes registry and shared locks.
Bytes reclaim(Bytes keep);

}  // namespace hak
