// Pages of slabs that are in use, but hold few blocks: given back at decay ticks, or on demand. Of an idle heap all of
// them; of a heap whose thread is at work those of slabs that are cold: from which nothing was taken and to which nothing
// came back between two ticks. The thread doesn't miss them soon, however busy it is. (Pages of all its slabs would be
// faulted in again, and again: on the load `waves`, a pass on the busy thread's heartbeat took four times the CPU of the
// whole run.)
#pragma once

#include "heap/heap.h"

namespace hak {

enum class Sparse : bool { all, cold };

/// Goes through the blocks that others returned to an idle heap and that wait in its inbox: pages of which no other block
/// is in use go back too. As release_sparse().
bool release_waiting(Heap& heap);

/// Goes through the heap's slabs from `Heap::walk` on. For the owner in a section, or a helper, which leaves the rest
/// for the next call when the owner waits for it, or a fork for the tick: false then. A slab that looks as it did when its
/// pages were taken isn't walked again.
bool release_sparse(Heap& heap, Sparse which);

}  // namespace hak
