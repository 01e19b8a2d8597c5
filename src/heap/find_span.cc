#include "heap/find_span.h"

#include "big/cache.h"
#include "heap/heap.h"
#include "heap/help.h"
#include "heap/idle_spans.h"
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

// What is idle serves before untouched memory is touched.
bool is_much_for(Units idle, uint64_t wanted_units) { return idle.n >= wanted_units && is_much(idle); }

FoundSpan from_units(Heap* heap, uint64_t units, uint64_t align) {
  const auto take = [&](map::Growth growth) { return map::take_span(Units{units}, Units{align}, growth); };
  map::SpanRef ref = take(map::Growth::resident);
  if (ref.span == nullptr && is_much_for(idle_spans(heap), units)) {
    return_idle_spans(heap);
    ref = take(map::Growth::resident);
  }
  if (ref.span != nullptr) return {ref, &SpanCounters::units};
  const Promise promise(Units{units});
  if (!promise.is_granted()) return {};
  ref = take(map::Growth::forbidden);
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
  if (heap != nullptr && align == 1 && units <= kCachedUnits) heap->spans.from_units++;
  const FoundSpan found = from_units(heap, rounded, align);
  return found.ref.span != nullptr || rounded == units ? found : from_units(heap, units, align);
}

FoundSpan find_idle_span(Heap* heap, uint64_t units, Site site) {
  if (!is_much_for(idle_spans(heap) + map::dirty_units(), units)) return {};
  if (rounded_span_units(units) == units) {
    const FoundSpan kept = from_kept(heap, units, site);
    if (kept.ref.span != nullptr) return kept;
  }
  const auto take = [=] { return map::take_span(Units{units}, Units{1}, map::Growth::resident); };
  map::SpanRef ref = take();
  if (ref.span == nullptr && is_much_for(idle_spans(heap), units)) {
    return_idle_spans(heap);
    ref = take();
  }
  return {ref, &SpanCounters::units};
}

}  // namespace hak
