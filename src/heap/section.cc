#include "heap/section.h"

#include <new>

namespace hak {
namespace {

// Whether owners need a real fence. Written once, before the first heap is made.
constinit bool g_owner_fences = false;

uint8_t usual_watch() { return g_owner_fences ? kFences : 0; }

}  // namespace

void prepare_sections() { g_owner_fences = !os::register_barrier(); }

bool owners_fence() { return g_owner_fences; }

void prepare_heap(Heap& heap) {
  new (&heap.lock) os::Lock(os::Rank::heap);
  heap.watch.store(usual_watch(), std::memory_order_relaxed);
}

void release_after_fork(Heap& heap) {
  heap.watch.store(usual_watch(), std::memory_order_relaxed);
  if (&heap != this_heap) heap.inside.store(false, std::memory_order_relaxed);
  heap.lock.reset_after_fork();
}

// While it waits for the lock `inside` is true: who comes for the lock after us finds us inside and gives up.
void enter_section_waiting(Heap& heap) {
  heap.inside.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with Helpers::fence()
  if ((heap.watch.load(std::memory_order_acquire) & kHelped) == 0) return;
  heap.lock.lock();
  heap.lock.unlock();
}

void Helpers::add(Heap& heap) {
  if (count_ == kAtOnce || !heap.lock.try_lock()) return;
  heap.watch.store(usual_watch() | kHelped, std::memory_order_relaxed);
  heaps_[count_++] = &heap;
}

bool Helpers::fence() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return g_owner_fences || os::barrier_all();
}

void Helpers::let_go(Heap& heap) {
  heap.watch.store(usual_watch(), std::memory_order_release);
  heap.lock.unlock();
}

}  // namespace hak
