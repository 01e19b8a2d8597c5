// Where a span is found: the heap's stack, the pools behind it, units. Called by heap/spans, which hands spans out, and
// heap/grow_span.
//
// heap: the caller's, in a section, or null. What is found is the caller's, and not counted yet (heap/span_counts).
#pragma once

#include <cstdint>

#include "heap/spans.h"

namespace hak {

struct FoundSpan {
  map::SpanRef ref;                         // null: nowhere
  uint64_t SpanCounters::*stage = nullptr;  // that served; null: the stack, a hit
};

/// One try, by the way that heap/spans.h draws. align: in units, a power of two.
FoundSpan find_span(Heap* heap, uint64_t units, uint64_t align, Site site);

/// Only what is idle and resident, and only where that is an eighth of what is in use and more.
FoundSpan find_idle_span(Heap* heap, uint64_t units, Site site);

}  // namespace hak
