// Large and big blocks: each heap's stacks of freed spans, and what stands behind them. Called by the entry points and
// by who gives memory back.
//
//   allocate   own stack -> shared pool of the tier, by site (large/pool, big/cache) -> units: resident ones, then after
//              what is idle here and in the pools went back, then untouched ones
//   free       own stack, while it has room -> shared pool of the tier; or, where keeping doesn't pay (heap/idle_spans),
//              straight to units
//
// A stack is touched in sections only, so that helpers reach what a sleeping thread keeps.
//
//   hits = frees - left - spans on the stack       frees and left are counted, hits follow
//   spans on the stack = first room + grown - room of an open class (heap/span_room); none where it is closed
#pragma once

#include <cstddef>
#include <cstdint>

#include "hakmem/hakmem.h"
#include "map/site.h"
#include "map/span.h"

namespace hak {

struct Heap;

/// What slow paths count of one class. allocations = hits + the sum of refills.
struct SpanCounters {
  uint64_t
      left;  // frees that did not come to the stack, and spans that left it other than by a hit, less those that came
             // other than by a free
  uint64_t seen_frees;                      // at the last decay tick
  uint64_t units, super_slab, site, steal;  // refills by stage
};

/// The stacks of a heap. Classes are opened by the first free that they could have served, so that a heap without large
/// blocks touches nothing here; of the big tier's few are open at a time. heap/span_room says how many spans they keep.
struct SpanStacks {
  static constexpr unsigned kOpenBig = 4;

  map::Span* top[kSpanClasses];  // newest first
  int32_t room[kSpanClasses];    // for so many more; 0 too where the class isn't open, as in a heap that is zeroed
  uint64_t frees[kSpanClasses];  // by this heap's thread, whether the span came here or not
  uint8_t big[kOpenBig], next_big;
  uint16_t from_pool[kCachedClasses];   // spans that came from a pool since the last decay tick
  uint16_t grown[kCachedClasses];       // for so many spans room was made
  uint32_t grown_units;                 // sum over all classes of grown x the units of a span
  uint32_t straight, next_straight;     // so many frees go straight to units; and how many, when that is found again
  uint64_t seen_kept;                   // blocks from kept spans when keeping was last judged
  uint64_t from_units;                  // since then: blocks that kept spans could have been
  SpanCounters counters[kSpanClasses];  // the huge classes, too, are counted
};

/// A live span of at least `size` bytes, more than kMidMax, aligned to `align`, a power of two. Returns null with
/// errno = ENOMEM when there is no memory.
[[gnu::noinline]] void* allocate_span_slow(size_t size, Site site);
void* allocate_span_aligned(size_t size, size_t align, Site site);
void* allocate_span_zeroed(size_t size, Site site);

/// Frees a live span; what free_span_fast (heap/fast_span.h) can't.
[[gnu::noinline]] void free_span_slow(Heap* heap, map::Span& span);

/// Makes a live span fit `size` bytes, more than kMidMax, where it lies or by moving it, with room to grow on. Returns
/// where it lies then, or null when there is no memory: it is as before.
void* reallocate_span(map::Span& span, size_t size, Site site);

/// The bytes of the span that a request of `size` (at most PTRDIFF_MAX) gets where no other is at hand.
size_t good_span_bytes(size_t size);

/// Gives all spans of the heap's stacks back to units. The caller owns the heap. Returns the units given back.
Units release_spans(Heap& heap, map::Age age);

/// At a decay tick: the same for stacks to which nothing was freed since the last one. The rooms are as at first then.
Units release_idle_spans(Heap& heap);

}  // namespace hak
