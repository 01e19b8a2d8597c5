#include "heap/span_room.h"

#include <bit>
#include <utility>

#include "big/cache.h"
#include "heap/background.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "large/pool.h"

namespace hak {
namespace {

// Of an open class: 1 MiB of the large tier, but two at least; one of the big tier.
constexpr unsigned room_for(unsigned c) {
  if (c >= kLargeClasses) return 1;
  return c < 8 ? 16 / (c + 1) : 2;
}

// By which the stacks of all heaps together may grow: what lies there other threads can't get before the next tick.
constexpr uint64_t kMostGrownUnits = 512;  // 32 MiB
static_assert(kMostGrownUnits <= UINT16_MAX, "SpanStacks::grown counts so many spans of a unit");

uint32_t length_of(const map::Span* list) {
  uint32_t n = 0;
  for (; list != nullptr; list = list->next) n++;
  return n;
}

template <class Work>
void for_open_classes(const Heap& heap, Work work) {
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1)
    work(static_cast<unsigned>(std::countr_zero(open)));
}

void forget_growth(SpanStacks& spans, unsigned c) {
  spans.grown_units -= static_cast<uint32_t>(std::exchange(spans.grown[c], 0) * span_class_units(c));
}

// Of the big tier the class that was opened first makes place.
void close_a_big_class(Heap& heap, unsigned c) {
  SpanStacks& spans = heap.spans;
  uint8_t& place = spans.big[spans.next_big++ % SpanStacks::kOpenBig];
  const unsigned old = std::exchange(place, static_cast<uint8_t>(c));
  if (old == 0) return;
  for (map::Span* span = empty_stack(spans, old); span != nullptr;) give_to_pools(*std::exchange(span, span->next));
  forget_growth(spans, old);
  spans.room[old] = 0;
  heap.open_spans &= ~(uint64_t{1} << old);
}

bool open_class(Heap& heap, unsigned c) {
  if (c >= kCachedClasses || (heap.open_spans >> c & 1) != 0) return false;
  if (c >= kLargeClasses) close_a_big_class(heap, c);
  heap.open_spans |= uint64_t{1} << c;
  heap.spans.room[c] = static_cast<int32_t>(room_for(c));
  expect_quiet_where_much_is_open(heap);
  return true;
}

// Whether of the spans that were freed since the last decay tick a quarter and more had come from a pool: those that
// circulate don't fit. A few do so by chance where sizes are mixed, and room for them would cost more than it saves.
bool circulates_through_pool(const SpanStacks& spans, unsigned c) {
  return spans.from_pool[c] * uint64_t{4} >= spans.frees[c] - spans.counters[c].seen_frees;
}

bool grow_room(SpanStacks& spans, unsigned c) {
  if (c >= kCachedClasses) return false;
  const uint64_t units = span_class_units(c);
  if ((spans.grown_units + units) * owned_heaps() > kMostGrownUnits || !circulates_through_pool(spans, c)) return false;
  spans.grown[c]++;
  spans.grown_units += static_cast<uint32_t>(units);
  spans.room[c]++;
  expect_quiet();  // somebody has to trim it
  return true;
}

void trim_room(SpanStacks& spans, unsigned c) {
  spans.room[c] -= spans.grown[c];
  forget_growth(spans, c);
  while (spans.room[c] < 0) {
    map::Span& span = *std::exchange(spans.top[c], spans.top[c]->next);
    spans.counters[span.span_class].left++;
    spans.room[c]++;
    give_to_pools(span);
  }
}

}  // namespace

void expect_quiet_where_much_is_open(const Heap& heap) {
  uint64_t units = 0;
  for_open_classes(heap, [&units](unsigned c) { units += room_for(c) * span_class_units(c); });
  if (units * owned_heaps() >= kWorthAThread && map::used_units().n >= kWorthAThread) expect_quiet();
}

bool make_room(Heap& heap, unsigned c) {
  check_section(heap);
  return open_class(heap, c) || grow_room(heap.spans, c);
}

void note_from_pool(Heap& heap, unsigned c, unsigned count) {
  constexpr unsigned kMost = UINT16_MAX;
  uint16_t& noted = heap.spans.from_pool[c];
  noted = static_cast<uint16_t>(noted + count < kMost ? noted + count : kMost);
}

void trim_rooms(Heap& heap) {
  check_section(heap);
  for_open_classes(heap, [&heap](unsigned c) { trim_room(heap.spans, c); });
}

// Of the big tier the place is free then, for the class's next free or another class.
void close_rooms(Heap& heap, uint64_t classes) {
  check_section(heap);
  if (classes == 0) return;  // a helper that writes to the page of a small thread makes it resident
  for (uint64_t left = classes; left != 0; left &= left - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(left));
    heap.spans.room[c] = 0;
    for (uint8_t& place : heap.spans.big)
      if (c >= kLargeClasses && place == c) place = 0;
  }
  heap.open_spans &= ~classes;  // last: a child that is forked in between finds closed what is open
}

void rebuild_rooms(Heap& heap) {
  SpanStacks& spans = heap.spans;
  spans.grown_units = 0;
  for_open_classes(heap, [&spans](unsigned c) {
    const unsigned n = length_of(spans.top[c]);
    const unsigned least = room_for(c);
    spans.grown[c] = static_cast<uint16_t>(n > least ? n - least : 0);
    spans.grown_units += static_cast<uint32_t>(spans.grown[c] * span_class_units(c));
    spans.room[c] = static_cast<int32_t>(least + spans.grown[c] - n);
  });
}

uint32_t kept_spans(const SpanStacks& spans, unsigned c) {
  return room_for(c) + spans.grown[c] - static_cast<uint32_t>(spans.room[c]);
}

map::Span* empty_stack(SpanStacks& spans, unsigned c) {
  const uint32_t n = length_of(spans.top[c]);
  spans.counters[c].left += n;
  spans.room[c] += static_cast<int32_t>(n);
  return std::exchange(spans.top[c], nullptr);
}

void give_to_pools(map::Span& span) {
  const unsigned c = span.cached_class;
  if (c == map::kUncached) return map::give_span(span, map::Age::fresh, map::Drop::unkept);
  span.next = nullptr;
  if (c < kLargeClasses) large::put(c, &span, 1);
  else big::put(c, span);
}

}  // namespace hak
