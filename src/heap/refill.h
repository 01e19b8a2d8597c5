// The refill: how an empty free list gets blocks. Called by alloc_slow.cc and, under its lock, by a shared heap.
// Also what happens to slabs when blocks come back, because a refill and a return move slabs between the same lists.
#pragma once

#include "heap/heap.h"

namespace hak {

/// Keeps ClassHeap::out in step with what the slab says now.
inline void look_at(ClassHeap& ch, Slab& s) {
  const uint32_t off = off_list_blocks(s);
  ch.out += off - uint64_t{s.seen_off};
  s.seen_off = static_cast<uint16_t>(off);
  if (ch.out > ch.peak) ch.peak = ch.out;
}

/// A list of `n` blocks of `s`, at least one, becomes the free list.
inline void hand_out(Heap& heap, unsigned c, Slab& s, Block* list, uint32_t n) {
  ClassHeap& ch = heap.classes[c];
  heap.free[c] = list;
  ch.handed += n;
  look_at(ch, s);
}

/// All freed blocks of `s` become the free list; false when it has none.
inline bool hand_out_freed(Heap& heap, unsigned c, Slab& s) {
  if (s.freed == nullptr) return false;
  Block* list = nullptr;
  const uint32_t n = take_freed(s, &list);
  hand_out(heap, c, s, list, n);
  return true;
}

struct Filled {
  int stage = -1;  // enum hakmem_stage; -1: no memory
  explicit operator bool() const { return stage >= 0; }
};

/// Makes heap.free[c], which is empty, hold at least one block. Counts nothing but `handed`.
Filled fill(Heap& heap, unsigned c);

/// Makes up to `most` fresh blocks of a current slab the free list of its class, which is empty. For the owner in a
/// section.
void add_fresh(Heap& heap, Slab& slab, uint32_t most);

/// Reports a double free that was seen only after the call. slab: the block's, or null where it has none.
[[gnu::cold]] void report_freed_too_often(const Block* block, const Slab* slab);

/// Takes in what other threads returned. Returns how many blocks.
uint32_t drain_inbox(Heap& heap);

/// Moves a slab of `heap` that has lost used blocks to where it belongs now.
void settle(Heap& heap, Slab& slab);

/// Gives back the current slabs of which nothing is out. For the owner in a section, or a helper. Returns the units.
Units release_unused_currents(Heap& heap, map::Age age);

/// Puts a block back that a refill handed out and no malloc took.
void put_back_unused(Heap& heap, Slab& slab, Block* block);

/// Takes a slab, all of whose blocks that were out are in the caller's hands, off its heap's lists: state leaving. Then
/// give_up_slab() gives its units back.
void withdraw_slab(Heap& heap, Slab& slab);
void give_up_slab(Heap& heap, Slab& slab, map::Age age);

/// Gives the empty slabs of `heap` back until at most `keep` units of them are left. age: how long they were idle.
void release_empty(Heap& heap, uint32_t keep, map::Age age);

/// Of the empty slabs, gives back what nobody wanted since this was last done at least `period_ms` ago; else nothing.
/// For the owner in a section, or a helper. Returns the units, which count as aged.
Units release_unwanted(Heap& heap, uint64_t now_ms, uint64_t period_ms);

}  // namespace hak
