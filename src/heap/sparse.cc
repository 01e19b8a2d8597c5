#include "heap/sparse.h"

#include <utility>

#include "heap/section.h"
#include "heap/tick_lock.h"
#include "slab/sparse.h"

namespace hak {
namespace {

constexpr uint32_t kLeastBytes = 2 * kPageBytes;  // free in a slab, for it to be worth a walk

// What a helper does in any case once it is there, so that it comes to an end beside a busy owner, who waits for it:
// some 50 us.
constexpr uint32_t kLeastWork = 256;  // slabs that are looked at
constexpr uint32_t kWalkWork = 64;    // a walk takes as long as so many looks

uint32_t listed_blocks(Slab& s) {
  const int32_t listed = int32_t{s.carved} - used_seen_by_helper(s) - s.released;
  return listed > 0 ? static_cast<uint32_t>(listed) : 0;
}

// What a slab looks like: the numbers of listed and of carved blocks, as much of them as there is room for, never 0. One
// that changed and looks the same is taken for cold, or found the next time it looks different.
uint8_t look_of(const Slab& s, uint32_t listed) { return static_cast<uint8_t>((listed + 5 * s.carved) % 63 + 1); }

bool has_fresh_resident(const Slab& s) {
  return s.fresh_resident != 0 &&
         uint32_t{s.blocks} * s.block_bytes >= uint32_t{s.carved} * s.block_bytes + kLeastBytes;
}

// Whether its pages are to be taken now. Notes what the slab looks like.
bool is_due(Slab& s, uint32_t listed, Sparse which) {
  const uint8_t look = look_of(s, listed);
  const bool same = s.glance == look;
  s.glance = look & 63;
  s.walked = s.walked && same;
  if (s.walked || (listed * s.block_bytes < kLeastBytes && !has_fresh_resident(s))) return false;
  return same || which == Sparse::all;
}

bool is_partial_of(const Slab& s, const Heap& heap, unsigned c) {
  return is_slab_of(s, &heap) && s.state == SlabState::partial && s.size_class == c;
}

}  // namespace

bool release_sparse(Heap& heap, Sparse which) {
  check_section(heap);
  if (heap.slab_units == 0) return true;  // not to touch the pages of thousands of small threads' classes
  SparseWalk& at = heap.walk;
  uint32_t work = 0;
  const auto visit = [&](Slab& s) {
    if (work >= kLeastWork && (heap.lock.is_wanted() || tick_is_wanted())) {
      at.next = &s;
      return false;
    }
    work++;
    if (!is_due(s, listed_blocks(s), which)) return true;
    release_free_pages(s);
    if (has_fresh_resident(s)) release_fresh_pages(s);
    s.glance = look_of(s, listed_blocks(s)) & 63;
    s.walked = 1;
    work += kWalkWork;
    return true;
  };
  for (; at.size_class < kClasses; at.size_class++) {
    const ClassHeap& ch = heap.classes[at.size_class];
    Slab* const from = std::exchange(at.next, nullptr);
    // Where the owner has used it since, the rest of the class has its turn next time.
    if (from != nullptr && !is_partial_of(*from, heap, at.size_class)) continue;
    if (!ch.partial.visit_while(from, visit)) return false;
    if (ch.current != nullptr && !visit(*ch.current)) return false;
  }
  return true;
}

}  // namespace hak
