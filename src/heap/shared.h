// Shared heaps: a few heaps whose slabs serve many threads at once, each under its lock.
//
// In a crowd (option `crowd`) a young thread takes its first blocks from here, a few at a time, instead of cutting
// slabs of its own: thousands of threads that hold a few KiB each then share pages. Frees of such blocks reach the
// shared heap's inbox as any other thread's would. Threads that ended, and those for which no heap could be made,
// allocate here too.
#pragma once

#include "heap/heap.h"

namespace hak {

/// Takes up to `most` blocks of class `c` as a list; returns how many, 0 when there is no memory. Counts the refill.
uint32_t take_shared(unsigned c, uint32_t most, Block** list);

/// Puts a block that was taken but never handed out back to the slab of the shared heap that it belongs to. Where a fork
/// made that heap an orphan the block counts as one that was handed out and came back.
void put_back_shared(Slab& slab, Block* block);

/// Drains, flushes and empties all shared heaps, for a purge.
void reclaim_shared_heaps();

/// In a forked child: a shared heap that was in use becomes an orphan; a new one is made when it is needed.
void repair_shared_heaps_after_fork();

}  // namespace hak
