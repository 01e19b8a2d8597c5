#include "heap/idle_spans.h"

#include <atomic>
#include <bit>
#include <utility>

#include "big/cache.h"
#include "heap/heap.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/span_room.h"
#include "large/pool.h"

namespace hak {
namespace {

// Of frees that go straight back, so many at first and so many at most.
constexpr uint32_t kFirstStraight = 64, kMostStraight = 1024;

// Units that are never much: of all that can be given back, and of what a heap's stacks hold.
constexpr uint64_t kLittle = 16, kLittleOfHeap = 32;

// The sum of all heaps' noted_units. Exact by itself, and a guess at what it stands for: relaxed.
constinit std::atomic<uint64_t> g_in_stacks{0};

uint64_t units_in_stacks(const Heap& heap) {
  uint64_t units = 0;
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(open));
    units += kept_spans(heap.spans, c) * span_class_units(c);
  }
  return units;
}

// Blocks that came from kept spans so far: of the stacks, and of the pools.
uint64_t served_by_kept(const Heap& heap) {
  const SpanStacks& spans = heap.spans;
  uint64_t served = 0;
  for (unsigned c = 0; c < kCachedClasses; c++) {
    const SpanCounters& k = spans.counters[c];
    const bool is_open = (heap.open_spans >> c & 1) != 0;
    served += spans.frees[c] - k.left - (is_open ? kept_spans(spans, c) : 0) + k.site + k.steal;
  }
  return served;
}

void begin_to_judge(Heap& heap) {
  heap.spans.seen_kept = served_by_kept(heap);
  heap.spans.from_units = 0;
}

void judge_keeping(Heap& heap) {
  check_section(heap);
  SpanStacks& spans = heap.spans;
  if (spans.straight != 0) return;
  const uint64_t kept = served_by_kept(heap) - spans.seen_kept;
  const uint64_t units = spans.from_units;
  begin_to_judge(heap);
  if (kept * 2 >= units) {
    spans.next_straight /= 2;
    return;
  }
  const uint32_t more = spans.next_straight * 2;
  spans.next_straight = more < kFirstStraight ? kFirstStraight : more < kMostStraight ? more : kMostStraight;
  spans.straight = spans.next_straight;
  release_spans(heap, map::Age::fresh);
  close_rooms(heap, heap.open_spans);
}

bool holds_much(Heap& heap) {
  note_idle_spans(heap);
  return heap.noted_units > kLittleOfHeap && is_much({g_in_stacks.load(std::memory_order_relaxed)});
}

}  // namespace

Units idle_spans(const Heap* heap) {
  const uint64_t mine = heap != nullptr ? units_in_stacks(*heap) : 0;
  return large::idle_units() + big::idle_units() + Units{mine};
}

bool is_much(Units idle) { return idle.n > kLittle && idle.n * 8 >= map::used_units().n; }

void return_idle_spans(Heap* heap) {
  if (heap != nullptr) {
    release_spans(*heap, map::Age::fresh);
    judge_keeping(*heap);
  }
  large::decay(0);
  big::flush();
}

bool goes_straight_back(Heap& heap, unsigned c) {
  if (heap.spans.straight == 0 && holds_much(heap)) {
    if (c < kLargeClasses) release_spans(heap, map::Age::fresh);  // of the big tier classes are opened again and again
    judge_keeping(heap);
  }
  if (heap.spans.straight == 0) return false;
  if (--heap.spans.straight == 0) begin_to_judge(heap);
  return true;
}

void note_idle_spans(Heap& heap) {
  const uint64_t now = units_in_stacks(heap);
  if (now == heap.noted_units) return;
  g_in_stacks.fetch_add(now - heap.noted_units, std::memory_order_relaxed);
  heap.noted_units = static_cast<uint32_t>(now);
}

void recount_idle_spans() {
  uint64_t units = 0;
  for (Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    if (state_of(*heap) == HeapState::orphan) heap->noted_units = 0;
    units += heap->noted_units;
  }
  g_in_stacks.store(units, std::memory_order_relaxed);
}

}  // namespace hak
