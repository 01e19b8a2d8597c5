#include "heap/shared.h"

#include <atomic>

#include "heap/counted.h"
#include "heap/outbox.h"
#include "heap/reclaim.h"
#include "heap/refill.h"
#include "heap/registry.h"
#include "os/limits.h"
#include "os/lock.h"

namespace hak {
namespace {

constexpr unsigned kMostShared = 8;

struct SharedHeap {
  os::Lock lock{os::Rank::shared_heap};
  // Made at the first use, under both locks; given up only in a forked child. release pairs with acquire: a reader sees
  // the heap.
  std::atomic<Heap*> heap{nullptr};

  Heap* get() const { return heap.load(std::memory_order_acquire); }
};
constinit SharedHeap g_shared[kMostShared];

// As many as there are CPUs: enough that their locks are seldom met, few enough that their slabs fill. Every thread
// computes the same number, relaxed.
unsigned shared_count() {
  static constinit std::atomic<unsigned> count{0};
  unsigned n = count.load(std::memory_order_relaxed);
  if (n == 0) {
    n = os::cpu_count();
    if (n > kMostShared) n = kMostShared;
    count.store(n, std::memory_order_relaxed);
  }
  return n;
}

SharedHeap& shared_of_thread() {
  const uintptr_t thread = reinterpret_cast<uintptr_t>(os::this_thread());
  return g_shared[(thread / 4096 * 0x9E3779B97F4A7C15u >> 32) %
                  shared_count()];  // Fibonacci hashing (Knuth, TAOCP 6.4)
}

// Null: the heap was one before the fork.
SharedHeap* shared_of(const Slab& slab) {
  for (SharedHeap& shared : g_shared)
    if (shared.get() == slab.heap) return &shared;
  return nullptr;
}

bool make_sure_of_heap(SharedHeap& shared) {
  if (shared.get() != nullptr) return true;
  const os::LockGuard registry(g_registry_lock);
  const os::LockGuard guard(shared.lock);
  if (shared.get() == nullptr) shared.heap.store(create_heap(HeapState::shared), std::memory_order_release);
  return shared.get() != nullptr;
}

}  // namespace

uint32_t take_shared(unsigned c, uint32_t most, Block** list) {
  SharedHeap& shared = shared_of_thread();
  if (!make_sure_of_heap(shared)) return 0;
  const os::LockGuard guard(shared.lock);
  Heap& heap = *shared.get();
  if (heap.free[c] == nullptr && !fill(heap, c)) return 0;
  uint32_t n = 1;
  Block* const first = heap.free[c];
  Block* last = first;
  for (; n < most && last->next != nullptr; n++) last = last->next;
  heap.free[c] = last->next;
  last->next = nullptr;
  heap.classes[c].refills[HAKMEM_STAGE_SHARED]++;
  *list = first;
  return n;
}

void put_back_shared(Slab& slab, Block* block) {
  SharedHeap* const shared = shared_of(slab);
  if (shared == nullptr) {
    count_allocation(slab.size_class);
    return post_one(slab, block);
  }
  const os::LockGuard guard(shared->lock);
  put_back_unused(*shared->get(), slab, block);
}

void reclaim_shared_heaps() {
  for (SharedHeap& shared : g_shared) {
    const os::LockGuard guard(shared.lock);
    if (Heap* const heap = shared.get()) reclaim_heap(*heap);
  }
}

void repair_shared_heaps_after_fork() {
  for (SharedHeap& shared : g_shared) {
    if (!shared.lock.held_by_another()) continue;
    if (Heap* const heap = shared.get()) set_state(*heap, HeapState::orphan);
    shared.heap.store(nullptr, std::memory_order_relaxed);
    shared.lock.reset_after_fork();
  }
}

}  // namespace hak
