#include "heap/sparse.h"

#include "heap/section.h"
#include "slab/sparse.h"

namespace hak {
namespace {

constexpr uint32_t kLeastBytes = 2 * 4096;  // free in a slab, for it to be worth a walk

uint32_t listed_blocks(Slab& s) {
  const int32_t listed = int32_t{s.carved} - used_seen_by_helper(s) - s.released;
  return listed > 0 ? static_cast<uint32_t>(listed) : 0;
}

// What a slab that was gone through looked like, never 0: the number of listed blocks, as much of it as there is room for.
// One that changed and looks the same is found the next time it looks different.
uint8_t look_of(uint32_t listed) { return static_cast<uint8_t>(listed % 31 + 1); }

}  // namespace

bool release_sparse(Heap& heap, Sparse which) {
  check_section(heap);
  if (heap.slab_units == 0) return true;  // not to touch the pages of thousands of small threads' classes
  bool wanted = false;
  const auto visit = [&](Slab& s) {
    wanted = wanted || heap.lock.is_wanted();
    if (wanted) return;
    const uint32_t listed = listed_blocks(s);
    if (listed * s.block_bytes < kLeastBytes || s.glance == look_of(listed)) return;
    release_free_pages(s);
    s.glance = look_of(listed_blocks(s)) & 31;
  };
  for (ClassHeap& ch : heap.classes) {
    if (which == Sparse::all && ch.current != nullptr) visit(*ch.current);
    ch.partial.for_each(visit);
    if (wanted) return false;
  }
  return true;
}

}  // namespace hak
