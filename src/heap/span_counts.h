// What is counted of spans, so that hits follow: hits = frees - left - spans on the stack (heap/spans.h).
// heap: the caller's, in a section, or null, of a thread that has none.
#pragma once

#include <cstdint>

#include "heap/spans.h"

namespace hak {

/// A block of class `c` was handed out. stage: that served; null: a hit.
void count_span_taken(Heap* heap, unsigned c, uint64_t SpanCounters::*stage);

/// A block of class `c` came back.
void count_span_freed(Heap* heap, unsigned c);

/// As count_span_freed, and its span doesn't come to the stack.
void count_span_given(Heap* heap, unsigned c);

/// Fills in what is counted of class `span_class`. Spans that exist and aren't live are kept for reuse.
void collect_span_stats(unsigned span_class, hakmem_class_stats* out);

}  // namespace hak
