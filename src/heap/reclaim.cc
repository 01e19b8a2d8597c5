#include "heap/reclaim.h"

#include <utility>

#include "big/cache.h"
#include "heap/fast.h"
#include "heap/help.h"
#include "heap/refill.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/shared.h"
#include "heap/sparse.h"
#include "large/pool.h"
#include "map/purge.h"
#include "os/clock.h"

namespace hak {
namespace {

// The free list of one class goes back to the slabs. Lists of young heaps hold blocks of shared slabs.
void flush_list(Heap& heap, unsigned c) {
  Block* block = heap.free[c];
  heap.free[c] = nullptr;
  while (block != nullptr) {
    Block* const next = block->next;
    Slab& s = slab_of(block);
    if (s.heap == &heap) put_back_unused(heap, s, block);
    else put_back_shared(s, block);
    block = next;
  }
}

uint64_t sum_of_refills(const ClassHeap& ch) {
  uint64_t sum = 0;
  for (const uint64_t refills : ch.refills) sum += refills;
  return sum;
}

}  // namespace

void flush_cold_lists(Heap& heap) {
  check_section(heap);
  for (unsigned c = 0; c < kClasses; c++) {
    const uint64_t refills = sum_of_refills(heap.classes[c]);
    const bool is_cold = std::exchange(heap.refills_seen[c], refills) == refills;
    if (is_cold && is_list(heap.free[c])) flush_list(heap, c);
  }
}

void flush_lists(Heap& heap) {
  check_section(heap);
  for (unsigned c = 0; c < kClasses; c++)
    if (is_list(heap.free[c])) flush_list(heap, c);
}

void give_back_unused(Heap& heap) {
  drain_inbox(heap);
  flush_lists(heap);
  release_unused_currents(heap, map::Age::fresh);
  release_empty(heap, 0, map::Age::fresh);
  release_spans(heap, map::Age::fresh);
}

void reclaim_heap(Heap& heap) {
  give_back_unused(heap);
  heap.walk = {};
  release_sparse(heap, Sparse::all);
}

void reclaim_idle_parked(uint64_t now_ms, uint64_t tick_ms) {
  while (Heap* const heap = borrow_parked(os::ms_before(now_ms, tick_ms), units_worth_taking())) {
    {
      const os::LockGuard guard(heap->lock);
      reclaim_heap(*heap);
    }
    return_parked(*heap, now_ms);
  }
}

Bytes reclaim(Bytes keep) {
  Heap* const mine = this_heap;
  if (is_real(mine)) {
    const OwnerSection section(*mine);
    mine->outbox.post_all(*mine);
    reclaim_heap(*mine);
  }
  park_orphans(Orphans::all);
  {
    const os::LockGuard registry(g_registry_lock);
    for (Heap* heap = first_parked(); heap != nullptr; heap = heap->next_parked) {
      const os::LockGuard guard(heap->lock);
      reclaim_heap(*heap);
    }
  }
  help_all();
  reclaim_shared_heaps();
  large::decay(0);
  big::flush();
  return map::purge_dirty(keep);
}

}  // namespace hak
