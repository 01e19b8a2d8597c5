#include "map/span.h"

#include "base/check.h"
#include "base/count.h"

namespace hak::map {
namespace {

// Changed under the map lock, which whoever takes or gives units has anyway, so that no addition needs to be atomic.
// Read without it, each exact by itself: relaxed.
struct ClassCounts {
  std::atomic<uint64_t> spans, units, peak;
};
constinit ClassCounts g_counts[kSpanClasses];
constinit std::atomic<uint64_t> g_dropped_bytes[kDrops];

void count_in(Span& span) {
  const uint64_t units = units_in_use(span);
  span.span_class = static_cast<uint8_t>(span_class(units));
  ClassCounts& counts = g_counts[span.span_class];
  add_alone(counts.units, static_cast<int64_t>(units));
  const uint64_t now = add_alone(counts.spans, 1);
  if (now > counts.peak.load(std::memory_order_relaxed)) counts.peak.store(now, std::memory_order_relaxed);
}

void count_out(const Span& span) {
  ClassCounts& counts = g_counts[span.span_class];
  add_alone(counts.units, -static_cast<int64_t>(units_in_use(span)));
  add_alone(counts.spans, -1);
}

bool has_units_of_class(const Span& span) {
  return span.asked == 0 && span.units <= kCachedUnits && span_class_units(span.span_class) == span.units;
}

// What follows from its units, of a span that isn't counted.
void count_as(Span& span) {
  count_in(span);
  span.cached_class = has_units_of_class(span) ? span.span_class : kUncached;
}

void set_units(Span& span, uint64_t units) {
  span.units = units;
  span.asked = 0;
  count_as(span);
}

// Of a span of which units were in use up to `used`: those from `from` on, up to `end`. Headroom was never touched.
void give_part_held(const Span& span, uint64_t from, uint64_t used, uint64_t end, Age age) {
  const auto give = [&span](uint64_t begin, uint64_t behind, Age how) {
    if (begin < behind) give_units_held(span.first + static_cast<uint32_t>(begin), Units{behind - begin}, how);
  };
  give(from, used, age);
  give(from > used ? from : used, end, Age::untouched);
}

void end_span_held(Span& span, Age age) {
  debug_check(!is_live(span), "a span that is given back is live no more");
  count_out(span);
  set_entries(span.first, 1, kNothing);
  give_part_held(span, 0, units_in_use(span), span.units, age);
}

}  // namespace

SpanRef take_span(Units units, Units align, Growth growth) {
  const os::LockGuard guard(g_map_lock);
  const UnitRun run = take_units_held(units, align, Kind::spans, growth);
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
  use_roomy_span(*ref.span, asked);
  return ref;
}

void use_roomy_span(Span& span, Units asked) {
  const os::LockGuard guard(g_map_lock);
  count_out(span);
  span.asked = asked.n;
  count_as(span);
}

void give_span(Span& span, Age age, Drop why) {
  const os::LockGuard guard(g_map_lock);
  add_alone(g_dropped_bytes[static_cast<unsigned>(why)], static_cast<int64_t>(bytes_of(span).n));
  end_span_held(span, age);
}

void give_moved_span(Span& span) {
  const os::LockGuard guard(g_map_lock);
  end_span_held(span, Age::untouched);
}

Bytes dropped_bytes(Drop why) { return {g_dropped_bytes[static_cast<unsigned>(why)].load(std::memory_order_relaxed)}; }

bool extend_span(Span& span, Units units) {
  debug_check(units.n > span.units, "a span is extended to more units");
  const uint32_t behind = span.first + static_cast<uint32_t>(span.units);
  const os::LockGuard guard(g_map_lock);
  if (!take_units_at_held(behind, units - Units{span.units})) return false;
  count_out(span);
  set_units(span, units.n);
  return true;
}

void shrink_span(Span& span, Units units) {
  debug_check(units.n < span.units && units.n > 0, "a span is shrunk to fewer units");
  const uint64_t used = units_in_use(span);
  const uint64_t end = span.units;
  const os::LockGuard guard(g_map_lock);
  count_out(span);
  set_units(span, units.n);
  give_part_held(span, units.n, used, end, Age::fresh);
}

SpanCounts count_spans(unsigned c) {
  const ClassCounts& counts = g_counts[c];
  return {counts.spans.load(std::memory_order_relaxed), counts.units.load(std::memory_order_relaxed),
          counts.peak.load(std::memory_order_relaxed)};
}

void recount_spans() {
  for (ClassCounts& counts : g_counts) {
    counts.spans.store(0, std::memory_order_relaxed);
    counts.units.store(0, std::memory_order_relaxed);
  }
  for_each_line([](Line* line, uintptr_t owner) {
    if (owner != kSpan) return;
    Span& span = *reinterpret_cast<Span*>(line);
    if (span.asked > span.units) span.asked = 0;  // it was just made shorter
    count_as(span);
  });
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
