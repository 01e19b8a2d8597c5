#include "heap/sparse.h"

#include <utility>

#include "heap/returned.h"
#include "heap/section.h"
#include "heap/tick_lock.h"
#include "os/memory.h"
#include "slab/sparse.h"

namespace hak {
namespace {

// Free in a slab, for it to be worth a walk.
uint64_t least_bytes() { return 2 * os::page_size(); }

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
         uint32_t{s.blocks} * s.block_bytes >= uint32_t{s.carved} * s.block_bytes + least_bytes();
}

// Whether its pages are to be taken now. Notes what the slab looks like.
bool is_due(Slab& s, uint32_t listed, Sparse which) {
  const uint8_t look = look_of(s, listed);
  const bool same = s.glance == look;
  s.glance = look & 63;
  s.walked = s.walked && same;
  if (s.walked || (listed * s.block_bytes < least_bytes() && !has_fresh_resident(s))) return false;
  return same || which == Sparse::all;
}

bool is_partial_of(const Slab& s, const Heap& heap, unsigned c) {
  return is_slab_of(s, &heap) && s.state == SlabState::partial && s.size_class == c;
}

// What one call may do.
struct Effort {
  const Heap& heap;
  uint32_t work = 0;

  bool is_over() const { return work >= kLeastWork && (heap.lock.is_wanted() || tick_is_wanted()); }
};

// waits: blocks of it that wait, after those that are released have left `waiting`.
void release_pages(Slab& s, Batch* waiting, uint32_t waits, Effort& effort) {
  release_free_pages(s, waiting);
  if (has_fresh_resident(s)) release_fresh_pages(s);
  if (waiting != nullptr) waits = waiting->count;
  s.glance = look_of(s, listed_blocks(s) + waits) & 63;
  s.walked = 1;
  effort.work += kWalkWork;
}

}  // namespace

bool release_waiting(Heap& heap) {
  check_section(heap);
  Effort effort{heap};
  WaitingOn waiting;
  bool is_done = true;
  take_returned(heap).for_each([&](Batch batch, Slab& s) {
    effort.work++;
    is_done = is_done && !effort.is_over();
    if (is_done && is_due(s, listed_blocks(s) + batch.count, Sparse::all)) {
      const uint32_t before = batch.count;
      Block* next = nullptr;
      unpack_batch(batch.first, &next);
      batch.first->mark = reinterpret_cast<uintptr_t>(&s);
      release_pages(s, &batch, 0, effort);
      ClassHeap& ch = heap.classes[s.size_class];
      ch.received += before - batch.count;
      ch.out -= before - batch.count;  // `released` grew, and what the slab was seen to have off its list is as it was
    }
    waiting.add(batch, s);
  });
  waiting.post(heap);
  heap.walk.has_seen_waiting = true;
  return is_done;
}

bool release_sparse(Heap& heap, Sparse which) {
  check_section(heap);
  if (heap.slab_units == 0) return true;  // not to touch the pages of thousands of small threads' classes
  SparseWalk& at = heap.walk;
  Effort effort{heap};
  const auto visit = [&](Slab& s) {
    if (effort.is_over()) {
      at.next = &s;
      return false;
    }
    effort.work++;
    // What waits was seen by release_waiting().
    const uint32_t waiting = which == Sparse::all ? s.returned : 0;
    if (is_due(s, listed_blocks(s) + waiting, which)) release_pages(s, nullptr, waiting, effort);
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
