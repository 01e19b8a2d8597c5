// What malloc does when the free list is empty or the size is large: attach the thread, refill, take spans.
#include <cstring>

#include "base/units.h"
#include "conf/config.h"
#include "heap/allocate.h"
#include "heap/fast_span.h"
#include "heap/limit.h"
#include "heap/no_memory.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/refill_fast.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/shared.h"
#include "heap/thread.h"
#include "os/memory.h"

namespace hak {
namespace {

constexpr size_t kMaxSize = PTRDIFF_MAX;

// A young thread takes its first blocks from shared slabs, this many pages of them, a few at a time: a slab of its own
// takes a page at least, of each class.
constexpr uint32_t kYoungPages = 16;
constexpr uint32_t kYoungBundleBytes = 128;

uint32_t young_bundle(unsigned c) {
  const uint32_t n = kYoungBundleBytes / size_class(c).block_bytes;
  return n > 0 ? n : 1;
}

bool is_young_in_a_crowd(const Heap& heap) {
  return owned_heaps() > conf::config().crowd && heap.young_bytes < kYoungPages * os::page_size();
}

[[gnu::noinline]] bool fill_from_shared(Heap& heap, unsigned c) {
  const uint32_t n = take_shared(c, young_bundle(c), &heap.free[c]);
  heap.young_bytes += n * size_class(c).block_bytes;
  return n != 0;
}

// One try: the shared slabs where they are meant for this thread, else the ladder.
[[gnu::always_inline]] inline bool refill(Heap& heap, unsigned c) {
  if (is_young_in_a_crowd(heap) && fill_from_shared(heap, c)) return true;
  const Filled filled = fill(heap, c);
  if (filled) heap.classes[c].refills[filled.stage]++;
  return static_cast<bool>(filled);
}

// The system gave no more: purge, and try once again.
[[gnu::noinline, gnu::cold]] void* allocate_last(Heap& heap, unsigned c) {
  reclaim(Bytes{0});
  tell_of_limit();
  const AfterReclaim once_more;
  const OwnerSection section(heap);
  const bool has_block = is_list(heap.free[c]);  // of what the program's limit function freed and allocated
  return has_block || refill(heap, c) ? pop(heap, c) : no_memory();
}

// Threads that ended, and those for which there was no memory for a heap.
void* allocate_without_heap(unsigned c) {
  Block* block = nullptr;
  if (!start_process()) return no_memory();
  if (take_shared(c, 1, &block) == 0) {
    reclaim(Bytes{0});
    const AfterReclaim once_more;
    if (take_shared(c, 1, &block) == 0) return no_memory();
  }
  block->mark = 0;
  count_allocation(c);
  return block;
}

// A thread's first allocation. The heap that it adopts may have blocks of the class.
[[gnu::noinline, gnu::cold]] void* allocate_first(unsigned c) {
  Heap* const heap = heap_of_thread();
  if (heap == nullptr) return allocate_without_heap(c);
  Block* const block = take_first_beside_helper(*heap, c);
  return block != nullptr ? block : MallocSlow::refilled(c, heap);
}

}  // namespace

void* MallocSlow::refilled(size_t size_class, Heap* heap) {
  return refilled_or(heap, static_cast<unsigned>(size_class), refilled_by_ladder);
}

void* refilled_by_ladder(Heap* heap, unsigned c, Where where) {
  if (!is_real(heap)) [[unlikely]]
    return allocate_first(c);
  if (where == Where::outside) enter_section_waiting(*heap);
  if (is_list(heap->free[c])) [[unlikely]]  // a helper took the list and could not keep it
    return leave_with_block(*heap, c);
  if (refill(*heap, c)) [[likely]]
    return leave_with_block(*heap, c);
  leave_section(*heap);
  return allocate_last(*heap, c);
}

void* heartbeat_and(Block* block, Heap& heap) {
  heartbeat_at(heap, slab_of(block));
  return block;
}

void* MallocSlow::span(size_t size, Heap* heap) {
  return allocate_span(size, heap, reinterpret_cast<Site>(__builtin_return_address(0)));
}

void* allocate_zeroed(size_t size) {
  if (size > kMidMax) return allocate_span_zeroed(size, reinterpret_cast<Site>(__builtin_return_address(0)));
  void* const p = allocate(size);
  if (p != nullptr) memset(p, 0, size);
  return p;
}

void* allocate_aligned(size_t align, size_t size) {
  if (align <= kMinAlign) return allocate(size);
  if (size > kMaxSize) return no_memory();
  if (align <= kUnitBytes) {
    // A block whose size is a multiple of the alignment has it, because slabs begin on a unit. Powers of two always do.
    for (size_t n = round_up(size == 0 ? 1 : size, align); n <= kMidMax;) {
      const uint32_t block = size_class(class_of(n)).block_bytes;
      if (block % align == 0) return allocate(n);
      n = round_up(block + 1, align);
    }
  }
  return allocate_span_aligned(size, align, reinterpret_cast<Site>(__builtin_return_address(0)));
}

size_t good_size(size_t size) {
  if (size <= kMidMax) return size_class(class_of(size)).block_bytes;
  return size > kMaxSize || !start_process() || size > map::window_bytes().n ? 0 : good_span_bytes(size);
}

}  // namespace hak
