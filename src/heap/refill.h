// The refill: how an empty free list gets blocks. Called by alloc_slow.cc and, under its lock, by a shared heap.
// Also what happens to slabs when blocks come back, because a refill and a return move slabs between the same lists.
#pragma once

#include "heap/heap.h"

namespace hak {

struct Filled {
  int stage = -1;  // enum hakmem_stage; -1: no memory
  explicit operator bool() const { return stage >= 0; }
};

/// Makes heap.free[c], which is empty, hold at least one block. Counts nothing but `handed`.
Filled fill(Heap& heap, unsigned c);

/// Takes in what other threads returned. Returns how many blocks.
uint32_t drain_inbox(Heap& heap);

/// Moves a slab of `heap` that has lost used blocks to where it belongs now.
void settle(Heap& heap, Slab& slab);

/// Puts a block back that a refill handed out and no malloc took.
void put_back_unused(Heap& heap, Slab& slab, Block* block);

/// Gives the empty slabs of `heap` back until at most `keep` units of them are left.
void release_empty(Heap& heap, uint32_t keep);

}  // namespace hak
