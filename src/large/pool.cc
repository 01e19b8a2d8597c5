#include "large/pool.h"

#include <atomic>
#include <bit>

#include "map/purge.h"
#include "os/clock.h"

namespace hak::large {
namespace {

// Written by any thread with one addition each; read by statistics. Each is exact by itself: relaxed.
struct ClassCounters {
  std::atomic<uint64_t> allocations, frees, live, live_units, peak;
};
constinit ClassCounters g_counters[kSpanClasses];

void add(std::atomic<uint64_t>& counter, uint64_t n) { counter.fetch_add(n, std::memory_order_relaxed); }

void count_in(const map::Span& span) {
  ClassCounters& k = g_counters[span_class(span.units)];
  add(k.live_units, span.units);
  const uint64_t live = k.live.fetch_add(1, std::memory_order_relaxed) + 1;
  uint64_t peak = k.peak.load(std::memory_order_relaxed);
  while (live > peak && !k.peak.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
}

void count_out(uint64_t units) {
  ClassCounters& k = g_counters[span_class(units)];
  add(k.live_units, -units);
  add(k.live, -uint64_t{1});
}

}  // namespace

unsigned span_class(uint64_t units) {
  if (units <= kLargeClasses) return static_cast<unsigned>(units) - 1;
  const unsigned log = static_cast<unsigned>(std::bit_width(units - 1));  // 17..32 units: 5
  const unsigned c = kLargeClasses + log - 5;
  return c < kSpanClasses ? c : kSpanClasses - 1;
}

size_t span_class_bytes(unsigned c) {
  if (c < kLargeClasses) return (size_t{c} + 1) << kUnitShift;
  return size_t{32} << (c - kLargeClasses) << kUnitShift;
}

map::SpanRef allocate(size_t size, size_t align, uintptr_t site) {
  if (size > SIZE_MAX / 2) return {};
  const Units units{good_bytes(size).n >> kUnitShift};
  const Units align_units = align <= kUnitBytes ? Units{1} : Units{align >> kUnitShift};
  const map::SpanRef ref = map::take_span(units, align_units, site);
  if (ref.span == nullptr) return ref;
  add(g_counters[span_class(units.n)].allocations, 1);
  count_in(*ref.span);
  map::decay(os::coarse_ms());
  return ref;
}

bool release(map::Span& span) {
  const uint64_t units = span.units;
  if (!map::give_span(span)) return false;
  add(g_counters[span_class(units)].frees, 1);
  count_out(units);
  return true;
}

bool resize(map::Span& span, size_t size) {
  const Units units = units_ceil(Bytes{size});
  const uint64_t before = span.units;
  if (units.n == before) return true;
  if (units.n > before) {
    if (!map::extend_span(span, units)) return false;
  } else {
    if (units.n == 0) return false;
    map::shrink_span(span, units);
  }
  // The block leaves one class for another: a free there and an allocation here, so that live = allocations - frees.
  count_out(before);
  add(g_counters[span_class(before)].frees, 1);
  add(g_counters[span_class(units.n)].allocations, 1);
  count_in(span);
  return true;
}

void add_stats(unsigned c, hakmem_class_stats* out) {
  const ClassCounters& k = g_counters[c];
  out->live_blocks += k.live.load(std::memory_order_relaxed);
  out->slabs += k.live.load(std::memory_order_relaxed);
  const uint64_t held = k.live_units.load(std::memory_order_relaxed) << kUnitShift;
  out->live_bytes += held;
  out->held_bytes += held;
  out->peak_blocks += k.peak.load(std::memory_order_relaxed);
  const uint64_t allocations = k.allocations.load(std::memory_order_relaxed);
  out->allocations += allocations;
  out->misses += allocations;
  out->refills[HAKMEM_STAGE_UNITS] += allocations;
  const uint64_t frees = k.frees.load(std::memory_order_relaxed);
  out->frees += frees;
  out->frees_local += frees;
}

}  // namespace hak::large
