// Pages of slabs that are in use, but hold few blocks: given back once the heap is idle (slab/sparse), or on demand. Not while
// its thread is at work: it would fault the pages in again, and a split huge page makes all of its blocks slower to reach
// (measured on the load `waves`: a pass on the busy thread's heartbeat took four times the CPU of the whole run).
#pragma once

#include "heap/heap.h"

namespace hak {

/// Looks through the heap's slabs. For the owner in a section, or a helper. A slab that looks as it did at the last call
/// isn't walked again.
void release_sparse(Heap& heap);

}  // namespace hak
