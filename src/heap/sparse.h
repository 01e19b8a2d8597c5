// Pages of slabs that are in use, but hold few blocks: given back once the heap is idle or calm (heap/help), or on demand. Not
// while its thread is busy: it would fault the pages in again, and a split huge page makes all of its blocks slower to reach
// (measured on the load `waves`: a pass on the busy thread's heartbeat took four times the CPU of the whole run).
#pragma once

#include "heap/heap.h"

namespace hak {

/// Which slabs: `all`, or those only that no list of the owner was taken from last, and that it needn't miss.
enum class Sparse : bool { all, partial };

/// Looks through the heap's slabs. For the owner in a section, or a helper, which leaves the rest for the next time when the
/// owner waits for it. A slab that looks as it did at the last call isn't walked again. False where some are left.
bool release_sparse(Heap& heap, Sparse which);

}  // namespace hak
