#include "heap/rebuild.h"

#include "heap/fast.h"
#include "heap/refill.h"
#include "heap/section.h"
#include "heap/span_room.h"
#include "slab/sparse.h"

namespace hak {
namespace {

void forget_slabs(Heap& heap) {
  for (ClassHeap& ch : heap.classes) {
    ch.current = nullptr;
    ch.partial = {};
    ch.empty = {};
    ch.out = 0;
  }
  for (Block*& list : heap.free)
    if (list == taken_list()) list = nullptr;
  heap.empty_units = heap.empty_units_least = 0;
  heap.carved_bytes = 0;
  heap.slab_units = 0;
}

uint32_t length_of_freed(const Slab& s) {
  uint32_t n = 0;
  for (const Block* block = s.freed; block != nullptr && n < s.carved; block = block->next) n++;
  return n;
}

void take_in(Heap& heap, Slab& s) {
  ClassHeap& ch = heap.classes[s.size_class];
  s.released = static_cast<uint16_t>(count_released(s));
  if (s.released != 0 && s.freed != nullptr) drop_released(s, s.freed);
  const uint32_t used = s.carved - length_of_freed(s) - s.released;
  s.heap = &heap;  // the fork may have come in the middle of release_slab()
  s.floor = static_cast<int16_t>(s.released);
  s.countdown = static_cast<int32_t>(used) - 1;
  s.next = s.prev = nullptr;
  s.state = SlabState::full;  // on no list
  s.seen_off = s.released;
  look_at(ch, s);
  heap.carved_bytes += uint64_t{s.carved} * s.block_bytes;
  heap.slab_units += s.units;
  const bool is_full = s.freed == nullptr && s.carved == s.blocks && s.released == 0;
  if (is_full && used != 0) set_floor(s, used - PartialSlabs::worth_listing(s));
  else settle(heap, s);
}

}  // namespace

void rebuild_heap(Heap& heap) {
  release_after_fork(heap);
  const OwnerSection section(heap);
  rebuild_rooms(heap);
  forget_slabs(heap);
  map::for_each_line([&heap](map::Line* line, uintptr_t owner) {
    if (owner == reinterpret_cast<uintptr_t>(&heap)) take_in(heap, *reinterpret_cast<Slab*>(line));
  });
}

void rebuild_orphan(Heap& heap) {
  const bool torn = heap.inside.load(std::memory_order_relaxed);
  rebuild_heap(heap);
  const OwnerSection section(heap);
  if (torn) heap.outbox.forget();
  else heap.outbox.post_all(heap);
}

}  // namespace hak
