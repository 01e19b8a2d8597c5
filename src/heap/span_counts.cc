#include "heap/span_counts.h"

#include <atomic>

#include "heap/counted.h"
#include "heap/heap.h"
#include "heap/registry.h"

namespace hak {
namespace {

// Of threads that have no heap: rare. Each is exact by itself: relaxed.
struct Strays {
  std::atomic<uint64_t> allocations, frees;
};
constinit Strays g_strays[kSpanClasses];

uint64_t sum_of_refills(const SpanCounters& k) { return k.units + k.super_slab + k.site + k.steal; }

}  // namespace

void count_span_taken(Heap* heap, unsigned c, uint64_t SpanCounters::*stage) {
  count_allocation(kClasses + c);
  if (heap == nullptr) g_strays[c].allocations.fetch_add(1, std::memory_order_relaxed);
  else if (stage != nullptr) heap->spans.counters[c].*stage += 1;
}

void count_span_freed(Heap* heap, unsigned c) {
  count_free(kClasses + c);
  if (heap == nullptr) g_strays[c].frees.fetch_add(1, std::memory_order_relaxed);
  else heap->spans.frees[c]++;
}

void count_span_given(Heap* heap, unsigned c) {
  count_span_freed(heap, c);
  if (heap != nullptr) heap->spans.counters[c].left++;
}

namespace {

// Of a stack that its owner may be changing, and whose spans may become slabs meanwhile: no link is followed out of the
// table.
uint32_t length_seen(const map::Span* list) {
  constexpr uint32_t kMost = 1u << 16;
  uint32_t n = 0;
  for (; n < kMost && map::is_line(list); list = list->next) n++;
  return n;
}

}  // namespace

void collect_span_stats(unsigned c, hakmem_class_stats* out) {
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    const SpanCounters& k = heap->spans.counters[c];
    out->hits += heap->spans.frees[c] - k.left - length_seen(heap->spans.top[c]);
    out->misses += sum_of_refills(k);
    out->frees += heap->spans.frees[c];
    out->refills[HAKMEM_STAGE_UNITS] += k.units;
    out->refills[HAKMEM_STAGE_SUPERSLAB] += k.super_slab;
    out->refills[HAKMEM_STAGE_SITE] += k.site;
    out->refills[HAKMEM_STAGE_STEAL] += k.steal;
  }
  if (static_cast<int64_t>(out->hits) < 0) out->hits = 0;  // threads run on meanwhile
  const uint64_t strays = g_strays[c].allocations.load(std::memory_order_relaxed);
  out->misses += strays;
  out->refills[HAKMEM_STAGE_UNITS] += strays;
  out->frees += g_strays[c].frees.load(std::memory_order_relaxed);
  out->allocations = out->hits + out->misses;
  out->live_blocks = out->allocations > out->frees ? out->allocations - out->frees : 0;
  out->frees_local = out->frees;
  const map::SpanCounts counts = map::count_spans(c);
  out->slabs = counts.spans;
  out->held_bytes = counts.units << kUnitShift;
  out->peak_blocks = counts.peak;
  const uint64_t kept = counts.spans > out->live_blocks ? counts.spans - out->live_blocks : 0;
  const uint64_t kept_bytes = kept * span_class_units(c) << kUnitShift;
  out->live_bytes = out->held_bytes > kept_bytes ? out->held_bytes - kept_bytes : 0;
}

}  // namespace hak
