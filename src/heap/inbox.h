// The queue by which other threads return blocks to a heap. Any thread posts; the owner drains, or who holds the lock
// of a heap that has no thread. Used by heap/ only.
#pragma once

#include <atomic>

#include "base/units.h"
#include "slab/free_list.h"

namespace hak {

class Inbox {
 public:
  /// Posts a batch. Its blocks are the inbox's from then on.
  void post(const Batch& batch) {
    Block* head = head_.load(std::memory_order_relaxed);
    do {
      pack_batch(batch, head);
    } while (!head_.compare_exchange_weak(head, batch.first, std::memory_order_release, std::memory_order_relaxed));
  }

  bool empty() const { return head_.load(std::memory_order_relaxed) == nullptr; }

  /// Takes all batches, newest first; unpack_batch() walks them.
  Block* drain() { return head_.exchange(nullptr, std::memory_order_acquire); }

  /// For statistics and diagnosis: the batches as they are now, left where they are.
  const Block* peek() const { return head_.load(std::memory_order_acquire); }

 private:
  // post   release: the batch's links are seen before its head; a failed exchange reads nothing, relaxed
  // drain  acquire, pairs with post; takes the whole chain, so a head that comes back (ABA) does no harm
  // empty  relaxed: what it misses the next refill finds
  alignas(kCacheLine) std::atomic<Block*> head_{nullptr};
};

}  // namespace hak
