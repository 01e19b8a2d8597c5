// Spans: one block of one unit or more, for the large and big tiers. The line that describes it, and how it is taken
// from units and given back. Called by large/ and big/.
//
// While a span is live its first unit's page map entry says {kSpan, line}; those of its other units are empty, and
// span_around() finds the span for a pointer into them.
#pragma once

#include <cstdint>

#include "map/page_map.h"
#include "map/super_slab.h"

namespace hak::map {

enum class SpanState : uint32_t { none = 0, live = 1, freed = 2 };

struct alignas(kCacheLine) Span {
  uint64_t units;  // of the span; kept when it is freed, for the report of a second free
  SpanState state;
  uint32_t first;  // its first unit
  uintptr_t site;  // return address of the allocating call, 0 unknown
  uint64_t spare[5];
};
static_assert(sizeof(Span) == sizeof(Line));

enum class Zero : bool { unknown, known };

struct SpanRef {
  Span* span = nullptr;
  Zero zero = Zero::unknown;  // every byte of it is zero
};

inline void* start_of(const Span& span) { return address_of(span.first); }
inline Bytes bytes_of(const Span& span) { return bytes(Units{span.units}); }

/// Takes a live span of `units`, aligned to `align` units. Returns a null span when there is no memory.
SpanRef take_span(Units units, Units align, uintptr_t site);

/// Gives a live span back. False when another thread did so first (a double free): nothing happened then.
bool give_span(Span& span);

/// Makes a live span longer where the units behind it are free. True when it is done.
bool extend_span(Span& span, Units units);

/// Makes a live span shorter; the tail goes back.
void shrink_span(Span& span, Units units);

/// The live span that a pointer into the window lies in, or null. Slow for big spans.
Span* span_around(const void* p);

}  // namespace hak::map
