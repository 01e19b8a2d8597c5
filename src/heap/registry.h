// All heaps of the process: those that threads own, and the parked ones, which wait for a thread.
// Its lock guards the lists and, with them, everything in a parked heap but its inbox.
#pragma once

#include <atomic>
#include <cstdint>

#include "heap/heap.h"
#include "os/lock.h"

namespace hak {

extern constinit os::Lock g_registry_lock;

/// A heap for the calling thread: the one parked last, an orphan, or a new one. Null when there is no memory for one.
Heap* acquire_heap();

/// Parks the calling thread's heap, whole.
void park_heap(Heap& heap);

/// A new heap that no thread owns. Null when there is no memory. The registry's lock is held.
Heap* create_heap(HeapState state);

/// Every heap ever made, newest first; follow next_heap. The list only grows, at its head.
Heap* first_heap();

/// The parked heap to begin with; follow next_parked. The registry's lock is held.
Heap* first_parked();

/// Takes a parked heap off the list that has `least_units` in slabs and has been left alone since `since_ms`: nobody
/// adopts it meanwhile. Null: there is none. return_parked() gives it back, as looked after at `now_ms`.
Heap* borrow_parked(uint64_t since_ms, uint32_t least_units);
void return_parked(Heap& heap, uint64_t now_ms);

/// In a forked child: parks what stays of the heaps of threads that stayed in the parent, so that what they keep and what
/// is freed to them can be reached. Those without returned blocks are left alone where only `with_returned` are meant:
/// putting one in order touches its pages. Nothing where there are none.
enum class Orphans : bool { all, with_returned };
void park_orphans(Orphans which);

/// How many threads have a heap now. As of some moment.
uint32_t owned_heaps();

struct HeapCounts {
  uint64_t all, parked;
};
HeapCounts count_heaps();

/// In a forked child: heaps of threads that stayed in the parent become orphans, and so do parked heaps that another
/// thread had under change. `registry_torn`: the registry's lists were under change too. acquire_heap() adopts orphans
/// when nothing is parked.
void settle_registry_after_fork(bool registry_torn);

}  // namespace hak
