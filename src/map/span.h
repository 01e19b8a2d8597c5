// Spans: one block of one unit or more, for the large and big tiers. The line that describes it, and how it is taken
// from units and given back. Called by large/, big/ and heap/.
//
// A span's first unit has the page map entry {kSpan, line}, live or kept for reuse; those of its other units are empty,
// and span_around() finds the span for a pointer into them.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/span_class.h"
#include "map/page_map.h"
#include "map/site.h"
#include "map/super_slab.h"

namespace hak::map {

// The block that a span is lives while `live` points at its start. Otherwise the span is kept in a cache of the large
// or big tier, or its units were given back, and the line still says what was there for the report of a second free.
//
// A live span is its user's; a kept one belongs to who holds the cache that it lies in. `live` is read by any thread
// that was given a pointer to it, rightly or not.
struct alignas(kCacheLine) Span {
  void* live;   // start, or null
  void* start;  // set while the span exists
  Span* next;   // in a cache's list
  Site site;    // return address of the allocating call, 0 unknown
  uint64_t units;
  uint32_t first;        // its first unit
  uint32_t tick;         // when it was put into a shared pool, by g_tick
  uint8_t span_class;    // by units
  uint8_t cached_class;  // the same, or kUncached where it may not be kept: it doesn't have just the units of its class
  uint64_t asked;        // in a span that has headroom to grow: its units in use, which it counts by; 0: it has none
};
static_assert(sizeof(Span) == sizeof(Line));
constexpr uint8_t kUncached = kSpanClasses - 1;

enum class Zero : bool { unknown, known };

struct SpanRef {
  Span* span = nullptr;
  Zero zero = Zero::unknown;  // every byte of it is zero
};

inline void* start_of(const Span& span) { return span.start; }
inline uint64_t units_in_use(const Span& span) { return span.asked != 0 ? span.asked : span.units; }
inline Bytes bytes_of(const Span& span) { return bytes(Units{units_in_use(span)}); }
inline bool is_live(const Span& span) { return span.live != nullptr; }

/// Hands the span to the program, as a block of this site. Returns its start.
inline void* make_live(Span& span, Site site) {
  span.site = site;
  return span.live = span.start;
}

/// Takes a span of `units`, aligned to `align` units, from units: kept, and the caller's. Returns a null span when
/// there is no memory. growth: as take_units().
SpanRef take_span(Units units, Units align, Growth growth);

/// Why a freed span is not kept any longer.
enum class Drop : uint8_t {
  unkept,  // it can't be: too large, or not of a class's size
  late,    // its site is known to come back later than it is worth
  idle,    // nobody came for as long as it was worth
  wanted,  // its units are, by others: another size, a purge, a limit
};
constexpr unsigned kDrops = static_cast<unsigned>(Drop::wanted) + 1;

/// Gives a span that is the caller's, not live any more, back to units, and counts why. age: how long it has been idle
/// already.
void give_span(Span& span, Age age, Drop why);

/// Bytes that were given back for this reason, ever. Threads: any.
Bytes dropped_bytes(Drop why);

/// Takes a span for a block that grows: untouched where there is such memory, with `asked` of its units in use and the
/// rest headroom, which costs address space only: it isn't touched. Otherwise as take_span(). It is never kept.
SpanRef take_roomy_span(Units units, Units asked);

/// Changes how many of a roomy span's units are in use.
void use_roomy_span(Span& span, Units asked);

/// Gives a span back whose pages were moved out of it: its units are as if untouched.
void give_moved_span(Span& span);

/// Makes a live span longer where the units behind it are free. True when it is done.
bool extend_span(Span& span, Units units);

/// Makes a live span shorter; the tail goes back.
void shrink_span(Span& span, Units units);

/// The spans of a class that exist, live or kept, and the most that ever did. Each exact by itself. Threads: any.
struct SpanCounts {
  uint64_t spans, units, peak;
};
SpanCounts count_spans(unsigned span_class);

/// In a forked child whose parent had another thread inside the map lock: makes what follows from the units of spans, and
/// the counts but for the peak, anew from the page map. No other thread exists.
void recount_spans();

/// The span that a pointer into the window lies in, or null. Slow for big spans.
Span* span_around(const void* p);

}  // namespace hak::map
