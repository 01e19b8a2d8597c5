#include "map/span.h"

#include "base/check.h"

namespace hak::map {
namespace {

// Written with every span that is made, changed or given back; each exact by itself: relaxed.
struct ClassCounts {
  std::atomic<uint64_t> spans, units, peak;
};
constinit ClassCounts g_counts[kSpanClasses];

void count_in(Span& span) {
  const uint64_t units = units_in_use(span);
  span.span_class = static_cast<uint8_t>(span_class(units));
  ClassCounts& counts = g_counts[span.span_class];
  counts.units.fetch_add(units, std::memory_order_relaxed);
  const uint64_t now = counts.spans.fetch_add(1, std::memory_order_relaxed) + 1;
  uint64_t peak = counts.peak.load(std::memory_order_relaxed);
  while (now > peak && !counts.peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void count_out(const Span& span) {
  ClassCounts& counts = g_counts[span.span_class];
  counts.units.fetch_sub(units_in_use(span), std::memory_order_relaxed);
  counts.spans.fetch_sub(1, std::memory_order_relaxed);
}

// Sets the units of a span that isn't counted.
void set_units(Span& span, uint64_t units) {
  span.units = units;
  span.asked = 0;
  count_in(span);
  const bool is_class_sized = units <= kCachedUnits && span_class_units(span.span_class) == units;
  span.cached_class = is_class_sized ? span.span_class : kUncached;
}

}  // namespace

SpanRef take_span(Units units, Units align, Growth growth) {
  const UnitRun run = take_units(units, align, Kind::spans, growth);
  if (run.count == 0) return {};
  Span& span = *reinterpret_cast<Span*>(line_of_unit(run.first));
  set_units(span, run.count);
  span.start = address_of(run.first);
  span.site = 0;
  span.next = nullptr;
  span.live = nullptr;
  span.first = run.first;
  set_entries(run.first, 1, kSpan);
  return {&span, run.clean ? Zero::known : Zero::unknown};
}

SpanRef take_roomy_span(Units units, Units asked) {
  const SpanRef ref = take_span(units, Units{1}, Growth::roomy);
  if (ref.span == nullptr) return ref;
  if (ref.zero != Zero::known) {  // near the window's end: what isn't asked for is no headroom, which has no pages
    if (units > asked) shrink_span(*ref.span, asked);
    return ref;
  }
  ref.span->cached_class = kUncached;
  use_roomy_span(*ref.span, asked);
  return ref;
}

void use_roomy_span(Span& span, Units asked) {
  count_out(span);
  span.asked = asked.n;
  count_in(span);
}

namespace {

// Each exact by itself: relaxed.
constinit std::atomic<uint64_t> g_dropped_bytes[kDrops];

void end_span(Span& span, Age age) {
  debug_check(!is_live(span), "a span that is given back is live no more");
  count_out(span);
  set_entries(span.first, 1, kNothing);
  give_units(span.first, Units{span.units}, age);
}

}  // namespace

void give_span(Span& span, Age age, Drop why) {
  g_dropped_bytes[static_cast<unsigned>(why)].fetch_add(bytes_of(span).n, std::memory_order_relaxed);
  end_span(span, age);
}

void give_moved_span(Span& span) { end_span(span, Age::untouched); }

Bytes dropped_bytes(Drop why) { return {g_dropped_bytes[static_cast<unsigned>(why)].load(std::memory_order_relaxed)}; }

bool extend_span(Span& span, Units units) {
  debug_check(units.n > span.units, "a span is extended to more units");
  bool clean = false;
  const uint32_t behind = span.first + static_cast<uint32_t>(span.units);
  if (!take_units_at(behind, units - Units{span.units}, &clean)) return false;
  count_out(span);
  set_units(span, units.n);
  return true;
}

void shrink_span(Span& span, Units units) {
  debug_check(units.n < span.units && units.n > 0, "a span is shrunk to fewer units");
  const Units tail{span.units - units.n};
  count_out(span);
  set_units(span, units.n);
  give_units(span.first + static_cast<uint32_t>(units.n), tail);
}

SpanCounts count_spans(unsigned c) {
  const ClassCounts& counts = g_counts[c];
  return {counts.spans.load(std::memory_order_relaxed), counts.units.load(std::memory_order_relaxed),
          counts.peak.load(std::memory_order_relaxed)};
}

Span* span_around(const void* p) {
  if (!in_window(p)) return nullptr;
  const uint32_t unit = unit_of(p);
  for (uint32_t u = unit;; u--) {
    const PageEntry& entry = entry_of_unit(u);
    const uintptr_t owner = entry.owner.load(std::memory_order_relaxed);
    if (owner != kNothing) {
      Span* const span = reinterpret_cast<Span*>(entry.meta.load(std::memory_order_relaxed));
      return owner == kSpan && span != nullptr && unit < u + span->units ? span : nullptr;
    }
    if (u == 0) return nullptr;
  }
}

}  // namespace hak::map
