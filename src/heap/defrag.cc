#include "heap/defrag.h"

#include "heap/blocks.h"
#include "heap/section.h"

namespace hak {
namespace {

bool is_below_half(Slab& s) { return used_seen_by_helper(s) * 2 < s.blocks; }

// New blocks of this thread come from the current slab of the class, then from the fullest partial one: a block of
// either would come back to where it was. Every other move makes a slab emptier that allocations reach last, so moving
// ends.
bool is_next(const Heap& heap, const Slab& s) {
  const ClassHeap& ch = heap.classes[s.size_class];
  return ch.current == &s || (ch.current == nullptr && ch.partial.fullest() == &s);
}

}  // namespace

bool is_worth_moving(const void* p) {
  Slab* const s = find(p).slab;
  if (s == nullptr || !is_block_start(*s, p) || !is_below_half(*s)) return false;
  Heap* const mine = this_heap;
  if (s->heap != mine) return s->heap != nullptr;  // as of this moment: its owner may be at work
  const OwnerSection section(*mine);
  return !is_next(*mine, *s);
}

}  // namespace hak
