// The fast paths. Everything here is inlined into the exported entry points; whatever is rare leaves by one tail call,
// so that no register is saved for it. test/budget keeps their instructions counted.
//
//   malloc   this thread's list of the class; empty: Slow, which is alloc_slow.cc
//   free     the pointer's page map entry; own slab: push and count down; otherwise, or at an event: free_slow.cc
#pragma once

#include "heap/counted.h"
#include "heap/heap.h"
#include "map/page_map.h"

namespace hak {

// Slow siblings (alloc_slow.cc, free_slow.cc).
[[gnu::noinline]] void free_outside(void* p) noexcept;
[[gnu::noinline]] void free_other(void* p, Heap* heap, map::PageEntry* entry) noexcept;
[[gnu::noinline]] void free_event(void* p, Heap* heap, Slab* slab) noexcept;
[[gnu::noinline, gnu::cold]] void free_marked(void* p, Heap* heap, Slab* slab) noexcept;
[[gnu::noinline]] void free_sized_slow(void* p, size_t size, Heap* heap) noexcept;

/// Where an allocation goes that the fast path can't serve: the first block of a refilled class, or a span. Returns
/// null with errno = ENOMEM when there is no memory. operator new has siblings of these that throw.
struct MallocSlow {
  [[gnu::noinline]] static void* refilled(size_t size_class, Heap* heap);
  [[gnu::noinline]] static void* span(size_t size, Heap* heap);
};

// Takes the first block off a free list. Index: whatever the class comes in, so that it stays in its register.
template <class Index>
[[gnu::always_inline]] inline Block* take_first(Heap& heap, Index c, Block* block) {
  heap.free[c] = block->next;
  block->mark = 0;
  count_allocation(c);
  return block;
}

// Mid sizes: as tiny ones, but the class comes from a table.
template <class Slow>
[[gnu::noinline]] void* malloc_above_tiny(size_t size, Heap* heap) {
  if (size > kMidMax) [[unlikely]]
    return Slow::span(size, heap);
  const size_t c = mid_class(size);
  Block* const block = heap->free[c];
  if (block == nullptr) [[unlikely]]
    return Slow::refilled(c, heap);
  return take_first(*heap, c, block);
}

/// A block of at least `size` bytes, or what Slow returns.
template <class Slow>
[[gnu::always_inline]] inline void* malloc_fast(size_t size) {
  Heap* const heap = this_heap;
  if (size > kTinyMax) [[unlikely]]
    return malloc_above_tiny<Slow>(size, heap);
  const size_t c = tiny_class(size);
  Block* const block = heap->free[c];
  if (block == nullptr) [[unlikely]]
    return Slow::refilled(c, heap);
  return take_first(*heap, c, block);
}

// Puts a block on its own slab's list and counts down to the slab's next event.
[[gnu::always_inline]] inline void free_local(void* p, Heap* heap, Slab* slab) {
  Block* const block = static_cast<Block*>(p);
  const uint64_t mark = reinterpret_cast<uint64_t>(slab);
  if (block->mark == mark) [[unlikely]]
    return free_marked(p, heap, slab);
  block->mark = mark;
  block->next = slab->freed;
  // release: a helper that gives pages back beside us reads the list behind its first block (slab/sparse.cc).
  std::atomic_ref(slab->freed).store(block, std::memory_order_release);
  count_free(slab->size_class);
  if (count_down(*slab)) [[unlikely]]
    return free_event(p, heap, slab);
}

/// Frees `p`, which may be null, or anything: what can't be a block is reported.
[[gnu::always_inline]] inline void free_fast(void* p) {
  const uint64_t offset = map::offset_of(p);
  if (!map::in_window(p)) [[unlikely]]
    return free_outside(p);
  map::PageEntry& entry = map::entry_at(offset);
  Heap* const heap = this_heap;
  if (plain_load(entry.owner) != reinterpret_cast<uintptr_t>(heap)) [[unlikely]]
    return free_other(p, heap, &entry);
  free_local(p, heap, reinterpret_cast<Slab*>(plain_load(entry.meta)));
}

/// As free_fast, for a caller that says the size it asked for. Checked where the block leaves the fast path; on it the
/// check would cost four instructions of the budget of 52.
[[gnu::always_inline]] inline void free_sized_fast(void* p, size_t size) {
  const uint64_t offset = map::offset_of(p);
  if (!map::in_window(p)) [[unlikely]]
    return free_outside(p);
  map::PageEntry& entry = map::entry_at(offset);
  Heap* const heap = this_heap;
  if (plain_load(entry.owner) != reinterpret_cast<uintptr_t>(heap)) [[unlikely]]
    return free_sized_slow(p, size, heap);
  Slab* const slab = reinterpret_cast<Slab*>(plain_load(entry.meta));
  free_local(p, heap, slab);
}

}  // namespace hak
