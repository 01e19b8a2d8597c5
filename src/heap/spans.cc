#include "heap/spans.h"

#include <bit>
#include <cstring>
#include <utility>

#include "heap/background.h"
#include "heap/find_span.h"
#include "heap/heartbeat.h"
#include "heap/huge_spans.h"
#include "heap/idle_spans.h"
#include "heap/limit.h"
#include "heap/no_memory.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/section.h"
#include "heap/span_counts.h"
#include "heap/span_room.h"
#include "heap/thread.h"
#include "large/pool.h"

namespace hak {
namespace {

Units units_for(size_t size) { return units_ceil(Bytes{size == 0 ? 1 : size}); }

map::SpanRef find_and_count(Heap* heap, uint64_t units, uint64_t align, Site site) {
  return in_section_of(heap, [=](Heap* mine) {
    const FoundSpan found = find_span(mine, units, align, site);
    if (found.ref.span != nullptr) count_span_taken(mine, found.ref.span->span_class, found.stage);
    return found.ref;
  });
}

// The whole way, to a live span or null.
map::SpanRef allocate_ref(size_t size, size_t align, Site site, Contents contents = Contents::any) {
  Heap* const heap = heap_of_thread();
  if (heap == nullptr && !start_process()) return {};
  if (size > map::window_bytes().n || align > map::window_bytes().n)
    return {};  // what the window can't hold no reclaim makes room for
  const uint64_t units = units_for(size).n;
  const uint64_t align_units = align <= kUnitBytes ? 1 : align >> kUnitShift;
  map::SpanRef ref = find_and_count(heap, units, align_units, site);
  if (ref.span == nullptr) {
    reclaim(Bytes{0});
    const AfterReclaim once_more;
    ref = find_and_count(heap, units, align_units, site);
  }
  if (ref.span != nullptr) {
    if (ref.zero == map::Zero::known) ask_huge_for_block(*ref.span, contents);
    map::make_live(*ref.span, site);
  }
  if (heap != nullptr) beat(*heap);
  tell_of_limit();
  return ref;
}

void* start_or_no_memory(const map::SpanRef& ref) { return ref.span != nullptr ? ref.span->start : no_memory(); }

// Where the stack has no room and may have no more, one of the large tier gives all it has to the pool, a bundle for
// whoever needs one.
void keep_or_give(Heap& heap, map::Span& span) {
  SpanStacks& spans = heap.spans;
  const unsigned c = span.cached_class;
  const bool is_closed = c != map::kUncached && (heap.open_spans >> c & 1) == 0;
  if (is_closed) {
    spans.counters[c].left++;  // already counted as freed, it is no hit for who judges
    if (goes_straight_back(heap, c)) return map::give_span(span, map::Age::fresh, map::Drop::wanted);
    spans.counters[c].left--;
  }
  if (spans.room[c] > 0 || make_room(heap, c)) {  // it has some where the fast path couldn't come here
    spans.room[c]--;
    span.next = spans.top[c];
    spans.top[c] = &span;
    return;
  }
  spans.counters[span.span_class].left++;
  if (c < kLargeClasses && spans.top[c] != nullptr) {
    const uint32_t n = kept_spans(spans, c);
    large::put(c, empty_stack(spans, c), n);
  }
  give_to_pools(span);
}

Units release_stack(SpanStacks& spans, unsigned c, map::Age age) {
  Units given;
  for (map::Span* span = empty_stack(spans, c); span != nullptr;) {
    map::Span* const next = span->next;
    given += Units{span->units};
    map::give_span(*span, age, age == map::Age::aged ? map::Drop::idle : map::Drop::wanted);
    span = next;
  }
  return given;
}

template <class Wanted>
Units release_stacks(Heap& heap, map::Age age, Wanted wanted) {
  check_section(heap);
  Units given;
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(open));
    if (wanted(c)) given += release_stack(heap.spans, c, age);
  }
  return given;
}

}  // namespace

void* allocate_span_slow(size_t size, Site site) { return start_or_no_memory(allocate_ref(size, 1, site)); }

void* allocate_span_aligned(size_t size, size_t align, Site site) {
  return start_or_no_memory(allocate_ref(size, align, site));
}

void* allocate_span_zeroed(size_t size, Site site) {
  const map::SpanRef ref = allocate_ref(size, 1, site, Contents::zero);
  if (ref.span == nullptr) return no_memory();
  return ref.zero == map::Zero::known ? ref.span->start : memset(ref.span->start, 0, size);
}

void free_span_slow(Heap* heap, map::Span& span) {
  span.live = nullptr;
  const unsigned c = span.span_class;
  if (!is_real(heap)) heap = heap_of_freeing_thread();
  if (heap == nullptr) {
    count_span_freed(heap, c);
    give_to_pools(span);
    return wake_background();
  }
  {
    const OwnerSection section(*heap);
    count_span_freed(heap, c);
    keep_or_give(*heap, span);
  }
  heap->events++;
  beat(*heap);
  wake_background();
}

size_t good_span_bytes(size_t size) { return rounded_span_units(units_for(size).n) << kUnitShift; }

Units release_spans(Heap& heap, map::Age age) {
  const Units given = release_stacks(heap, age, [](unsigned) { return true; });
  trim_rooms(heap);
  note_idle_spans(heap);
  return given;
}

Units release_idle_spans(Heap& heap) {
  uint64_t idle = 0;  // bit c: class c
  const Units given = release_stacks(heap, map::Age::aged, [&heap, &idle](unsigned c) {
    const uint64_t frees = heap.spans.frees[c];
    heap.spans.from_pool[c] = 0;
    const bool is_idle = std::exchange(heap.spans.counters[c].seen_frees, frees) == frees;
    idle |= uint64_t{is_idle} << c;
    return is_idle;
  });
  trim_rooms(heap);
  close_rooms(heap, idle);
  note_idle_spans(heap);
  expect_quiet_where_much_is_open(heap);
  return given;
}

}  // namespace hak
