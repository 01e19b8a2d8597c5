// Who may touch a heap's slabs: its owner, inside a section, or a helper that found the owner outside one.
//
// Blocks that other threads return to a heap whose thread sleeps would wait in its inbox for ever. So any thread may
// help: take the inbox and give back slabs of which nothing is out any more. The owner must pay next to nothing for
// that, so it announces its slow paths by plain stores, and the helper pays for the fence between them:
//
//   owner    inside = true;  (fence)  watch?  kHelped: wait for the lock     ...        inside = false
//   helper   lock; watch = kHelped;  membarrier(2);  inside?  yes: give up   ...        watch = 0; unlock
//
// One of the two sees the other (Dekker's exclusion; the asymmetric form is that of Linux's membarrier(2) and of
// liburcu). Where membarrier is refused, `watch` always has kFences, and the owner makes a real fence.
//
// The fast paths are in no section. They touch free[] and, in slabs of which blocks are live, `freed` and `countdown`;
// a helper keeps away from both, but for lists of mid classes (heap/idle_lists.h), and for what lies behind the first
// block of a slab's list of freed blocks (slab/sparse.h).
#pragma once

#include <atomic>

#include "heap/heap.h"
#include "os/thread.h"

namespace hak {

// Bits of Heap::watch.
constexpr uint8_t kHelped = 1;
constexpr uint8_t kFences = 2;

/// Finds out how owners and helpers exclude each other on this system. Called once, at the start of the process.
void prepare_sections();

/// Whether owners make real fences: membarrier is refused.
bool owners_fence();

/// Makes a new heap's part of it ready.
void prepare_heap(Heap& heap);

/// In a forked child: nobody helps the heap, and nobody is in its sections but, perhaps, the thread that forked.
void release_after_fork(Heap& heap);

/// Debug builds stop at who touches a heap's slabs, inbox or outbox without a right to. Shared heaps have a lock of
/// their own.
inline void check_section(const Heap& heap) {
  if constexpr (kDebug)
    debug_check(
        heap.inside.load(std::memory_order_relaxed) || heap.lock.held_by_me() || state_of(heap) == HeapState::shared,
        "a heap is touched by its owner in a section, or by who holds its lock");
}

/// Enters the heap's section if that takes no waiting; false: not entered. For the owner. Not nested.
[[gnu::always_inline]] inline bool enter_section(Heap& heap) {
  if constexpr (kDebug)
    debug_check(!is_real(&heap) || !heap.inside.load(std::memory_order_relaxed), "a heap's sections are not nested");
  heap.inside.store(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // the helper's membarrier makes it a fence
  if (plain_load(heap.watch) == 0) [[likely]] {
    acquire_loaded(heap.watch);  // pairs with the helper's release, its work is seen
    return true;
  }
  heap.inside.store(false, std::memory_order_relaxed);
  return false;
}

/// Enters it in any case.
[[gnu::noinline, gnu::cold]] void enter_section_waiting(Heap& heap);

[[gnu::always_inline]] inline void leave_section(Heap& heap) {
  heap.inside.store(false, std::memory_order_release);  // pairs with the helper's acquire
}

/// The owner's slow paths: a section for a scope.
class [[nodiscard]] OwnerSection {
 public:
  explicit OwnerSection(Heap& heap) : heap_(heap) {
    if (!enter_section(heap)) [[unlikely]]
      enter_section_waiting(heap);
  }
  ~OwnerSection() { leave_section(heap_); }
  OwnerSection(const OwnerSection&) = delete;
  OwnerSection& operator=(const OwnerSection&) = delete;

 private:
  Heap& heap_;
};

/// Calls work(heap) in a section of the calling thread's heap, or, where that is null since it has none, outside of any.
template <class Work>
auto in_section_of(Heap* heap, Work work) {
  if (heap == nullptr) return work(heap);
  const OwnerSection section(*heap);
  return work(heap);
}

/// A helper's side: gathers heaps, then works on those whose owners are outside. Never waits for an owner.
class Helpers {
 public:
  static constexpr unsigned kAtOnce = 16;  // heaps that share one barrier

  Helpers() = default;
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  unsigned count() const { return count_; }

  /// Puts a heap on the list, unless another thread helps it already or the list is full. Not the calling thread's own.
  void add(Heap& heap);

  /// Calls work(heap) for each listed heap whose owner is outside, and empties the list. Held locks: the heap's.
  template <class Work>
  void run(Work work) {
    if (count_ == 0) return;
    const bool fenced = fence();
    for (unsigned i = 0; i < count_; i++) {
      // acquire: pairs with the end of the owner's last section.
      if (fenced && !heaps_[i]->inside.load(std::memory_order_acquire)) work(*heaps_[i]);
      let_go(*heaps_[i]);
    }
    count_ = 0;
  }

 private:
  static bool fence();
  static void let_go(Heap& heap);

  Heap* heaps_[kAtOnce];
  unsigned count_ = 0;
};

}  // namespace hak
