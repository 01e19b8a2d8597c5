#include "heap/registry.h"

#include "base/count.h"
#include "heap/rebuild.h"
#include "heap/refill.h"
#include "heap/section.h"
#include "os/clock.h"
#include "os/memory.h"

namespace hak {

constinit os::Lock g_registry_lock{os::Rank::registry};

namespace {

// Written under the registry's lock. heads and counts are read without it:
//   heaps  release on push, acquire on read: a heap's fields are seen before the heap
//   owned  relaxed: a policy reads it as of some moment
constinit std::atomic<Heap*> g_heaps{nullptr};
constinit std::atomic<uint32_t> g_owned{0};
constinit Heap* g_parked = nullptr;
constinit uint32_t g_orphans = 0;

}  // namespace

Heap* create_heap(HeapState state) {
  Heap* const heap = static_cast<Heap*>(os::map(sizeof(Heap)));  // zeroed: an empty heap
  if (heap == nullptr) return nullptr;
  prepare_heap(*heap);
  set_state(*heap, state);
  heap->next_heap = g_heaps.load(std::memory_order_relaxed);
  g_heaps.store(heap, std::memory_order_release);
  return heap;
}

namespace {

Heap* unpark() {
  Heap* const heap = g_parked;
  if (heap == nullptr) return nullptr;
  g_parked = heap->next_parked;
  heap->next_parked = nullptr;
  return heap;
}

// Of a thread that stayed in the parent of a fork. Put in order only now: most forked children never need it.
Heap* adopt_orphan() {
  if (g_orphans == 0) return nullptr;
  for (Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    if (state_of(*heap) != HeapState::orphan) continue;
    g_orphans--;
    rebuild_orphan(*heap);
    return heap;
  }
  return nullptr;
}

}  // namespace

Heap* acquire_heap() {
  const os::LockGuard guard(g_registry_lock);
  Heap* heap = unpark();
  if (heap == nullptr) heap = adopt_orphan();
  if (heap != nullptr) set_state(*heap, HeapState::owned);
  else heap = create_heap(HeapState::owned);
  if (heap != nullptr) add_alone(g_owned, +1);
  return heap;
}

void park_orphans(Orphans which) {
  const os::LockGuard guard(g_registry_lock);
  for (Heap* heap = g_orphans != 0 ? first_heap() : nullptr; heap != nullptr; heap = heap->next_heap) {
    if (state_of(*heap) != HeapState::orphan || (which == Orphans::with_returned && heap->inbox.empty())) continue;
    g_orphans--;
    rebuild_orphan(*heap);
    set_state(*heap, HeapState::parked);
    heap->next_parked = g_parked;
    g_parked = heap;
  }
}

namespace {

// Blocks of parked heaps are freed by the threads that go on: each thread that ends looks after a few heaps that were
// parked before it. The registry's lock is held.
void tidy_parked_heaps() {
  constexpr unsigned kLooks = 8;
  unsigned looks = 0;
  for (Heap* heap = g_parked; heap != nullptr && looks < kLooks; heap = heap->next_parked, looks++) {
    if (heap->inbox.empty()) continue;
    const os::LockGuard guard(heap->lock);
    drain_inbox(*heap);
    release_empty(*heap, 0, map::Age::fresh);
  }
}

}  // namespace

void park_heap(Heap& heap) {
  const os::LockGuard guard(g_registry_lock);
  tidy_parked_heaps();
  heap.last_beat_ms.store(os::coarse_ms(), std::memory_order_relaxed);
  set_state(heap, HeapState::parked);
  heap.next_parked = g_parked;
  g_parked = &heap;
  add_alone(g_owned, -1);
}

namespace {

// A helper may be at it.
bool has_units(Heap& heap, uint32_t least) {
  if (!heap.lock.try_lock()) return false;
  const bool has = heap.slab_units >= least;
  heap.lock.unlock();
  return has;
}

}  // namespace

Heap* borrow_parked(uint64_t since_ms, uint32_t least_units) {
  const os::LockGuard guard(g_registry_lock);
  for (Heap** link = &g_parked; *link != nullptr; link = &(*link)->next_parked) {
    Heap* const heap = *link;
    if (heap->last_beat_ms.load(std::memory_order_relaxed) >= since_ms || !has_units(*heap, least_units)) continue;
    *link = heap->next_parked;
    heap->next_parked = nullptr;
    set_state(*heap, HeapState::owned);
    return heap;
  }
  return nullptr;
}

// Behind the head: the heap that was parked last is the warmest.
void return_parked(Heap& heap, uint64_t now_ms) {
  const os::LockGuard guard(g_registry_lock);
  heap.last_beat_ms.store(now_ms, std::memory_order_relaxed);
  set_state(heap, HeapState::parked);
  Heap*& link = g_parked != nullptr ? g_parked->next_parked : g_parked;
  heap.next_parked = link;
  link = &heap;
}

Heap* first_heap() { return g_heaps.load(std::memory_order_acquire); }
Heap* first_parked() { return g_parked; }
uint32_t owned_heaps() { return g_owned.load(std::memory_order_relaxed); }

HeapCounts count_heaps() {
  HeapCounts counts{0, 0};
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    counts.all++;
    if (state_of(*heap) == HeapState::parked) counts.parked++;
  }
  return counts;
}

void settle_registry_after_fork(bool registry_torn) {
  uint32_t owned = 0;
  g_parked = nullptr;
  g_orphans = 0;
  for (Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    const HeapState state = state_of(*heap);
    if (state == HeapState::shared) continue;
    const bool torn = registry_torn || heap->lock.held_by_another();
    if (heap == this_heap) {
      owned++;
    } else if (state == HeapState::parked && !torn) {
      heap->next_parked = g_parked;
      g_parked = heap;
    } else {
      set_state(*heap, HeapState::orphan);
      g_orphans++;
      if (!heap->lock.held_by_another()) continue;
      // A helper was at its slabs: the counts are to be right at once. `inside` says to who adopts it that the outbox
      // is torn.
      rebuild_heap(*heap);
      heap->inside.store(true, std::memory_order_relaxed);
    }
  }
  g_owned.store(owned, std::memory_order_relaxed);
}

}  // namespace hak
