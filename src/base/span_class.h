// The classes of spans, by units: what the large and big tiers cache and count by. One set of constexpr functions; the
// static_asserts below are their proof. No state.
//
//   large    classes 0 to 15: 1 to 16 units (64 KiB to 1 MiB), each its own
//   big      8 classes per doubling to 1024 units (64 MiB): a span of a class has its units, so at most 1/9 is rounding
//   huge     above, a class per doubling, for counting only: such spans have just the units that were asked for
#pragma once

#include <bit>
#include <cstdint>

#include "base/units.h"

namespace hak {

constexpr unsigned kLargeClasses = 16;
constexpr unsigned kBigClasses = 48;
constexpr unsigned kCachedClasses = kLargeClasses + kBigClasses;
constexpr uint64_t kCachedUnits = 1024;
constexpr unsigned kSpanClasses = kCachedClasses + 18;

/// The class that serves `units` (1 to kCachedUnits). Without a branch for the large tier's: they are most.
constexpr unsigned cached_span_class(uint64_t units) {
  if (units <= kLargeClasses) return static_cast<unsigned>(units) - 1;
  const unsigned log = static_cast<unsigned>(std::bit_width(units - 1)) - 1;
  return kLargeClasses + (log - 4) * 8 + static_cast<unsigned>(((units - 1) >> (log - 3)) & 7);
}

constexpr unsigned span_class(uint64_t units) {
  if (units <= kCachedUnits) return cached_span_class(units);
  const unsigned c = kCachedClasses + static_cast<unsigned>(std::bit_width(units - 1)) - 11;
  return c < kSpanClasses ? c : kSpanClasses - 1;
}

/// The units of a span of the class; for the huge ones the most that it counts.
constexpr uint64_t span_class_units(unsigned c) {
  if (c < kLargeClasses) return c + 1;
  if (c >= kCachedClasses) return uint64_t{2048} << (c - kCachedClasses);
  const unsigned step = c - kLargeClasses;
  return uint64_t{9 + step % 8} << (step / 8 + 1);
}

/// The units of the span that a request of `units` gets.
constexpr uint64_t rounded_span_units(uint64_t units) {
  return units <= kCachedUnits ? span_class_units(cached_span_class(units)) : units;
}

namespace detail {
constexpr bool units_fit_their_class() {
  for (uint64_t u = 1; u <= kCachedUnits; u++) {
    const unsigned c = cached_span_class(u);
    if (c >= kCachedClasses || span_class_units(c) < u || (c > 0 && span_class_units(c - 1) >= u)) return false;
    if ((span_class_units(c) - u) * 9 > span_class_units(c)) return false;
  }
  return true;
}
}  // namespace detail
static_assert(detail::units_fit_their_class());
static_assert(span_class(kCachedUnits) == kCachedClasses - 1 && span_class(kCachedUnits + 1) == kCachedClasses);
static_assert(span_class_units(span_class(2048)) == 2048 && span_class_units(span_class(2049)) == 4096);

}  // namespace hak
