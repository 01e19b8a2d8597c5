#include "map/span.h"

#include "base/check.h"

namespace hak::map {

SpanRef take_span(Units units, Units align, uintptr_t site) {
  const UnitRun run = take_units(units, align, Kind::spans, Growth::allowed);
  if (run.count == 0) return {};
  Span& span = *reinterpret_cast<Span*>(line_of_unit(run.first));
  span.units = run.count;
  span.first = run.first;
  span.site = site;
  std::atomic_ref(span.state).store(SpanState::live, std::memory_order_relaxed);
  set_entries(run.first, 1, kSpan);
  return {&span, run.clean ? Zero::known : Zero::unknown};
}

bool give_span(Span& span) {
  SpanState live = SpanState::live;
  // Of two threads that free the same span one wins; what it frees was handed to it by the program: relaxed.
  if (!std::atomic_ref(span.state).compare_exchange_strong(live, SpanState::freed, std::memory_order_relaxed))
    return false;
  const uint32_t first = span.first;
  const Units units{span.units};
  set_entries(first, 1, kNothing);
  give_units(first, units);
  return true;
}

bool extend_span(Span& span, Units units) {
  debug_check(units.n > span.units, "a span is extended to more units");
  bool clean = false;
  const uint32_t behind = span.first + static_cast<uint32_t>(span.units);
  if (!take_units_at(behind, units - Units{span.units}, &clean)) return false;
  span.units = units.n;
  return true;
}

void shrink_span(Span& span, Units units) {
  debug_check(units.n < span.units && units.n > 0, "a span is shrunk to fewer units");
  const Units tail{span.units - units.n};
  span.units = units.n;
  give_units(span.first + static_cast<uint32_t>(units.n), tail);
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
