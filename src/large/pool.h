// Blocks of one unit or more: the large tier [64 KiB, 1 MiB] and the big tier above it, as spans of units.
// Called by heap/. Plain for now: every call goes to the SuperSlabs under the map lock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hakmem/hakmem.h"
#include "map/span.h"

namespace hak::large {

/// Classes of spans in the statistics: large by units (1 to 16), big by power of two.
constexpr unsigned kLargeClasses = 16;
constexpr unsigned kBigClasses = 24;
constexpr unsigned kSpanClasses = kLargeClasses + kBigClasses;

unsigned span_class(uint64_t units);

/// The bytes of the largest span of a class.
size_t span_class_bytes(unsigned span_class);

/// Allocates at least `size` bytes aligned to `align` (a power of two). The caller's errno is left alone.
/// Returns a null span when there is no memory. Threads: any.
map::SpanRef allocate(size_t size, size_t align, uintptr_t site);

/// Frees a live span. False when it is live no more.
bool release(map::Span& span);

/// Makes a live span fit `size` bytes without moving it. False when it can't.
bool resize(map::Span& span, size_t size);

/// The bytes of the span that a request of `size` gets.
constexpr Bytes good_bytes(size_t size) { return bytes(units_ceil(Bytes{size == 0 ? 1 : size})); }

/// Adds the counters of class `span_class` to *out.
void add_stats(unsigned span_class, hakmem_class_stats* out);

}  // namespace hak::large
