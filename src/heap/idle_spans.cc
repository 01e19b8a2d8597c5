#include "heap/idle_spans.h"

#include <atomic>
#include <bit>

#include "big/cache.h"
#include "heap/heap.h"
#include "heap/registry.h"
#include "heap/span_room.h"
#include "large/pool.h"

namespace hak {
namespace {

// The sum of all heaps' noted_units. Exact by itself, and a guess at what it stands for: relaxed.
constinit std::atomic<uint64_t> g_in_stacks{0};

uint64_t units_in_stacks(const Heap& heap) {
  uint64_t units = 0;
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(open));
    units += length_of(heap.spans.top[c]) * span_class_units(c);
  }
  return units;
}

}  // namespace

void note_idle_spans(Heap& heap) {
  const uint64_t now = units_in_stacks(heap);
  g_in_stacks.fetch_add(now - heap.spans.noted_units, std::memory_order_relaxed);
  heap.spans.noted_units = static_cast<uint32_t>(now);
}

Units idle_spans(Heap* heap) {
  if (heap != nullptr) note_idle_spans(*heap);
  return large::idle_units() + big::idle_units() + Units{g_in_stacks.load(std::memory_order_relaxed)};
}

void recount_idle_spans() {
  uint64_t units = 0;
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) units += heap->spans.noted_units;
  g_in_stacks.store(units, std::memory_order_relaxed);
}

bool is_much(Units idle) { return idle.n * 8 >= map::used_units().n; }

void return_idle_spans(Heap* heap) {
  if (heap != nullptr) {
    release_spans(*heap, map::Age::fresh);
    judge_keeping(*heap);
  }
  large::decay(0);
  big::flush();
}

}  // namespace hak
