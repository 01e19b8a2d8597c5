// The fast paths. Everything here is inlined into the exported entry points; whatever is rare leaves by one tail call,
// so that no register is saved for it. test/budget keeps their instructions counted.
//
//   malloc   this thread's list of the class; empty: Slow, which is alloc_slow.cc. Lists of mid classes a helper may take
//            away beside us (heap/idle_lists.h), so their head is exchanged
//   free     the pointer's page map entry; own slab: push and count down; otherwise, or at an event: free_slow.cc
#pragma once

#include <cstdint>

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

// Takes the first block off a free list that nobody takes from us: of a tiny class, or in a section. Index: whatever
// the class comes in, so that it stays in its register.
template <class Index>
[[gnu::always_inline]] inline Block* take_first(Heap& heap, Index c, Block* block) {
  heap.free[c] = block->next;
  block->mark = 0;
  count_allocation(c);
  return block;
}

// Makes `next` the head of a list if it is `block` still. In effect atomic with a helper's barrier_all(), though not
// with other processors' stores: on x86-64 one instruction without a lock prefix, which no interrupt divides. True:
// done.
[[gnu::always_inline]] inline bool replace_head(Block*& head, Block*& block, Block* next) {
#if defined(__x86_64__)
  if constexpr (!kAtomicLoads) {
    bool done;
    __asm__("cmpxchgq %[next], %[head]" : "=@ccz"(done), [head] "+m"(head), "+a"(block) : [next] "r"(next) : "memory");
    return done;
  }
#endif
  // Relaxed: a helper that finds the list where it left it has made a barrier on this thread in between.
  return std::atomic_ref(head).compare_exchange_strong(block, next, std::memory_order_relaxed);
}

// The head of a list that a helper is about to take (heap/idle_lists.h): no address of user space. It may stay for a
// while: where the owner's exchange fails the processor writes back what it has read.
inline Block* taken_list() { return reinterpret_cast<Block*>(INTPTR_MIN); }
// One test for null and for that.
[[gnu::always_inline]] inline bool is_list(const Block* head) { return reinterpret_cast<intptr_t>(head) > 0; }

// The block may be a helper's already, which writes to it: then the exchange fails, and nobody wants what was read
// here.
[[gnu::always_inline]] inline Block* next_unless_taken(const Block* block) { return block->next; }

// Takes the first block of a mid class's list, outside of sections; null: it is empty, or a helper has just taken it.
template <class Index>
[[gnu::always_inline]] inline Block* take_first_beside_helper(Heap& heap, Index c) {
  Block* block = kAtomicLoads ? std::atomic_ref(heap.free[c]).load(std::memory_order_relaxed) : heap.free[c];
  if (!is_list(block) || !replace_head(heap.free[c], block, next_unless_taken(block))) [[unlikely]]
    return nullptr;
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
  if (Block* const block = take_first_beside_helper(*heap, c)) [[likely]]
    return block;
  return Slow::refilled(c, heap);
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
