// The fast paths of large and big blocks: the heap's own stack of the class. Inlined where malloc and free find that it
// is no tiny or mid block; what is rare leaves by a tail call. test/budget keeps their instructions counted.
#pragma once

#include "heap/counted.h"
#include "heap/heap.h"
#include "heap/section.h"

namespace hak {

constexpr size_t kMaxCachedSize = kCachedUnits << kUnitShift;

/// A live span of at least `size` bytes, more than kMidMax. As malloc.
[[gnu::always_inline]] inline void* allocate_span(size_t size, Heap* heap, Site site) {
  uint64_t c = (size - 1) >> kUnitShift;  // units - 1: the class, in the large tier
  if (c >= kLargeClasses) {
    if (size > kMaxCachedSize) [[unlikely]]
      return allocate_span_slow(size, site);
    c = cached_span_class(c + 1);
  }
  if (!enter_section(*heap)) [[unlikely]]
    return allocate_span_slow(size, site);
  map::Span* const span = heap->spans.top[c];
  if (span == nullptr) [[unlikely]] {
    leave_section(*heap);
    return allocate_span_slow(size, site);
  }
  heap->spans.top[c] = span->next;
  heap->spans.room[c]++;
  leave_section(*heap);
  count_allocation(kClasses + span->span_class);
  span->site = site;
  return span->live = span->start;
}

/// Frees a live span.
[[gnu::always_inline]] inline void free_span_fast(Heap* heap, map::Span& span) {
  if (kAtomicLoads && !is_real(heap)) return free_span_slow(heap, span);  // the empty heap's room is everybody's
  const uint64_t c = span.cached_class;
  if (!enter_section(*heap)) [[unlikely]]
    return free_span_slow(heap, span);
  if (--heap->spans.room[c] < 0) [[unlikely]] {
    heap->spans.room[c] = 0;
    leave_section(*heap);
    return free_span_slow(heap, span);
  }
  count_free(kClasses + span.span_class);
  span.live = nullptr;
  span.next = heap->spans.top[c];
  heap->spans.top[c] = &span;
  heap->spans.frees[c]++;
  leave_section(*heap);
}

}  // namespace hak
