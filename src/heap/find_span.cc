#include "heap/find_span.h"

#include <bit>

#include "big/cache.h"
#include "heap/heap.h"
#include "heap/help.h"
#include "heap/limit.h"
#include "heap/span_room.h"
#include "large/pool.h"

namespace hak {
namespace {

FoundSpan from_stack(Heap* heap, uint64_t units) {
  if (heap == nullptr || units > kCachedUnits) return {};
  const unsigned c = cached_span_class(units);
  map::Span* const span = heap->spans.top[c];
  if (span == nullptr) return {};
  heap->spans.top[c] = span->next;
  heap->spans.room[c]++;
  return {{span}};
}

FoundSpan from_large_pool(Heap* heap, unsigned c, Site site) {
  const unsigned bundle = heap != nullptr ? 1 + static_cast<unsigned>(heap->spans.room[c]) / 2 : 1;
  const large::Taken taken = large::take(c, site, bundle);
  if (taken.count == 0) return {};
  if (heap != nullptr) note_from_pool(*heap, c, taken.count);
  if (taken.count > 1) {
    heap->spans.top[c] = taken.list->next;  // it was empty
    heap->spans.room[c] -= static_cast<int32_t>(taken.count - 1);
    heap->spans.counters[c].left -= taken.count - 1;
  }
  return {{taken.list}, taken.from == large::From::shard ? &SpanCounters::site : &SpanCounters::steal};
}

FoundSpan from_big_cache(Heap* heap, unsigned c, Site site) {
  const big::Taken taken = big::take(c, site);
  if (taken.span == nullptr) return {};
  if (heap != nullptr) note_from_pool(*heap, c, 1);
  return {{taken.span}, taken.from == big::From::site ? &SpanCounters::site : &SpanCounters::steal};
}

FoundSpan from_pools(Heap* heap, uint64_t units, Site site) {
  if (units > kCachedUnits) return {};
  const unsigned c = cached_span_class(units);
  return c < kLargeClasses ? from_large_pool(heap, c, site) : from_big_cache(heap, c, site);
}

FoundSpan from_kept(Heap* heap, uint64_t units, Site site) {
  const FoundSpan own = from_stack(heap, units);
  return own.ref.span != nullptr ? own : from_pools(heap, units, site);
}

uint64_t units_in_stacks(const Heap& heap) {
  uint64_t units = 0;
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(open));
    units += length_of(heap.spans.top[c]) * span_class_units(c);
  }
  return units;
}

uint64_t idle_span_units(const Heap* heap) {
  const uint64_t mine = heap != nullptr ? units_in_stacks(*heap) : 0;
  return large::idle_units().n + big::idle_units().n + mine;
}

// What is idle serves before untouched memory is touched, where it is much: it stays within an eighth of what is in use.
bool is_much(uint64_t idle_units, uint64_t wanted_units) {
  return idle_units >= wanted_units && idle_units * 8 >= map::used_units().n;
}

// Spans that lie idle are of one class each: they go back, to serve as any.
bool return_idle_spans(Heap* heap, uint64_t units) {
  if (!is_much(idle_span_units(heap), units)) return false;
  if (heap != nullptr) release_spans(*heap, map::Age::fresh);
  large::decay(0);
  big::flush();
  return true;
}

FoundSpan from_units(Heap* heap, uint64_t units, uint64_t align) {
  const auto take = [&](map::Growth growth) { return map::take_span(Units{units}, Units{align}, growth); };
  map::SpanRef ref = take(map::Growth::resident);
  if (ref.span == nullptr && return_idle_spans(heap, units)) ref = take(map::Growth::resident);
  if (ref.span == nullptr && !admit(Units{units})) return {};
  if (ref.span == nullptr) ref = take(map::Growth::forbidden);
  if (ref.span == nullptr && help_before_growing() != Units{0}) ref = take(map::Growth::forbidden);
  if (ref.span != nullptr) return {ref, &SpanCounters::units};
  return {take(map::Growth::allowed), &SpanCounters::super_slab};
}

}  // namespace

FoundSpan find_span(Heap* heap, uint64_t units, uint64_t align, Site site) {
  if (align == 1) {
    const FoundSpan kept = from_kept(heap, units, site);
    if (kept.ref.span != nullptr) return kept;
  }
  const uint64_t rounded = rounded_span_units(units);
  const FoundSpan found = from_units(heap, rounded, align);
  return found.ref.span != nullptr || rounded == units ? found : from_units(heap, units, align);
}

FoundSpan find_idle_span(Heap* heap, uint64_t units, Site site) {
  if (!is_much(idle_span_units(heap) + map::dirty_units().n, units)) return {};
  if (rounded_span_units(units) == units) {
    const FoundSpan kept = from_kept(heap, units, site);
    if (kept.ref.span != nullptr) return kept;
  }
  const auto take = [=] { return map::take_span(Units{units}, Units{1}, map::Growth::resident); };
  map::SpanRef ref = take();
  if (ref.span == nullptr && return_idle_spans(heap, units)) ref = take();
  return {ref, &SpanCounters::units};
}

}  // namespace hak
