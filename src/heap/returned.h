// What others returned to a heap, in a helper's hands. Who takes it holds the heap's lock and knows the owner outside of
// its sections (heap/section.h), or is the owner in a section.
#pragma once

#include "heap/heap.h"
#include "slab/slab.h"

namespace hak {

/// Batches, in a chain.
struct Chain {
  Block* first = nullptr;

  /// Calls work(batch, its slab). The batch may go to another chain meanwhile.
  template <class Work>
  void for_each(Work work) const {
    for (Block* at = first; at != nullptr;) {
      Block* next = nullptr;
      const Batch batch = read_batch(at, &next);
      work(batch, slab_of(at));
      at = next;
    }
  }
};

/// Takes what waits in the heap's inbox, all blocks of a slab joined to one batch, so that who takes them next has one a
/// slab to look at. What can't be followed, since it was freed too often, is reported.
Chain take_returned(Heap& heap);

/// Gathers what is to wait on, and posts it again in the order it came.
class WaitingOn {
 public:
  /// A batch of the slab, of which no other is added; notes in the slab how many blocks wait.
  void add(const Batch& batch, Slab& s);

  /// Once, at the end: in front of what was posted meanwhile. Notes in the heap how much that is.
  void post(Heap& heap);

 private:
  Block* first_ = nullptr;
  Batch last_;
  uint64_t bytes_ = 0;
};

}  // namespace hak
