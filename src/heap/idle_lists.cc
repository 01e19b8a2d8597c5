#include "heap/idle_lists.h"

#include "heap/fast.h"
#include "heap/section.h"
#include "heap/shared.h"

namespace hak {
namespace {

// Detached lists by class. Their owner may be about to exchange a head that it has read before.
class Detached {
 public:
  // Returns whether there are any.
  bool detach(Heap& heap) {
    bool any = false;
    for (unsigned c = kTinyClasses; c < kClasses; c++) {
      Block* list = std::atomic_ref(heap.free[c]).load(std::memory_order_relaxed);
      const bool mine = is_list(list) && exchange_head(heap.free[c], list, taken_list());
      lists_[c - kTinyClasses] = mine ? list : nullptr;
      any = any || mine;
    }
    return any;
  }

  // Without a barrier nobody knows whose they are; the owner's exchange is right with its head where it was. An owner
  // that found no list in between refills over it, and its blocks are lost: membarrier refused after it was granted, at
  // that moment.
  void put_back(Heap& heap) {
    for (unsigned c = kTinyClasses; c < kClasses; c++)
      if (Block* const list = lists_[c - kTinyClasses]) exchange_head(heap.free[c], taken_list(), list);
  }

  // After a barrier. Calls work(class, list) for those that are the helper's, and leaves the owner an empty one.
  template <class Work>
  void for_each_mine(Heap& heap, Work work) {
    for (unsigned c = kTinyClasses; c < kClasses; c++) {
      Block* const list = lists_[c - kTinyClasses];
      if (list != nullptr && exchange_head(heap.free[c], taken_list(), nullptr)) work(c, list);
    }
  }

 private:
  // A real atomic: against the owner's stores too. Relaxed, the barrier orders.
  static bool exchange_head(Block*& head, Block* from, Block* to) {
    return std::atomic_ref(head).compare_exchange_strong(from, to, std::memory_order_relaxed);
  }

  Block* lists_[kMidClasses];
};

// The blocks of one slab that come first in a list, as a batch; `list` becomes the rest.
Batch take_batch(const Slab& s, Block*& list) {
  Batch batch{list, 0, 0};
  Block* last = list;
  for (; list != nullptr && &slab_of(list) == &s; list = list->next, batch.count++) last = list;
  last->next = nullptr;
  batch.last_granule = offset_in(s, last) >> kTinyShift;
  return batch;
}

// As if they had not been handed out, and others had returned them: ClassHeap::handed, received.
void post_list(Heap& heap, unsigned c, Block* list) {
  while (list != nullptr) {
    Slab& s = slab_of(list);
    if (s.heap != &heap) {
      Block* const block = list;
      list = block->next;
      put_back_shared(s, block);
      continue;
    }
    const Batch batch = take_batch(s, list);
    heap.classes[c].handed -= batch.count;
    heap.classes[c].received -= batch.count;
    heap.inbox.post(batch, uint64_t{batch.count} * s.block_bytes);
  }
}

}  // namespace

void post_mid_lists(Heap& heap) {
  if (owners_fence()) return;
  Detached lists;
  if (!lists.detach(heap)) return;
  if (!os::barrier_all()) return lists.put_back(heap);
  lists.for_each_mine(heap, [&heap](unsigned c, Block* list) { post_list(heap, c, list); });
}

}  // namespace hak
