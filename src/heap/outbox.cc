#include "heap/outbox.h"

#include <atomic>

#include "heap/counted.h"
#include "heap/heap.h"
#include "heap/help.h"
#include "heap/section.h"

namespace hak {
namespace {

// Each exact by itself, nothing is ordered by them: relaxed.
constinit std::atomic<uint64_t> g_posted[kClasses];

}  // namespace

void Outbox::open(Slot& slot, Slab& slab) {
  const uint32_t by_bytes = kSlotBytes / slab.block_bytes;
  const uint32_t limit = by_bytes > kSlotBlocks ? kSlotBlocks : by_bytes;
  slot = {.slab = &slab,
          .head = nullptr,
          .start = start_of(slab),
          .block_bytes = slab.block_bytes,
          .reciprocal = slab.reciprocal,
          .last_granule = 0,
          .count = 0,
          .limit = static_cast<uint16_t>(limit > 0 ? limit : 1)};
}

void Outbox::post(Heap& heap, Slot& slot) {
  check_section(heap);
  Slab& slab = *slot.slab;
  heap.remote_freed[slab.size_class] += slot.count;
  slot.slab = nullptr;
  Heap& owner = *slab.heap;
  const uint32_t waiting =
      owner.inbox.post({slot.head, slot.last_granule, slot.count}, uint64_t{slot.count} * slot.block_bytes);
  if (waiting >= kWaitsLongKib) [[unlikely]]
    help_owner(owner, waiting);
}

// A slot that was opened for a block which then isn't taken.
void Outbox::close_unused(Slot& slot) {
  if (slot.count == 0) slot.slab = nullptr;
}

Outbox::Result Outbox::put(Heap& heap, Slab& slab, void* p) {
  Slot& slot = slot_for(slab);
  if (slot.slab != &slab) {
    if (slot.slab != nullptr) post(heap, slot);
    open(slot, slab);
  }
  Block* const block = static_cast<Block*>(p);
  const uint32_t offset = static_cast<uint32_t>(static_cast<char*>(p) - slot.start);
  if (block_index(slot.reciprocal, offset) * slot.block_bytes != offset) [[unlikely]] {
    return close_unused(slot), Result::interior;
  }
  if (block->mark == reinterpret_cast<uint64_t>(&slab)) [[unlikely]]
    return close_unused(slot), Result::marked;
  block->mark = reinterpret_cast<uint64_t>(&slab);
  block->next = slot.head;
  slot.head = block;
  count_free(slab.size_class);
  if (slot.count == 0) slot.last_granule = offset >> kTinyShift;
  if (++slot.count >= slot.limit) post(heap, slot);
  if (++frees_ % kFreesPerStep != 0) [[likely]]
    return Result::done;
  Slot& waiting = slots_[hand_++ % kSlots];
  if (waiting.slab != nullptr) post(heap, waiting);
  return Result::step;
}

void Outbox::post_all(Heap& heap) {
  for (Slot& slot : slots_)
    if (slot.slab != nullptr) post(heap, slot);
}

void post_one(Slab& slab, void* p) {
  g_posted[slab.size_class].fetch_add(1, std::memory_order_relaxed);
  count_free(slab.size_class);
  Block* const block = static_cast<Block*>(p);
  block->next = nullptr;
  slab.heap->inbox.post({block, offset_in(slab, p) >> kTinyShift, 1}, slab.block_bytes);
}

uint64_t posted_without_heap(unsigned c) { return g_posted[c].load(std::memory_order_relaxed); }

}  // namespace hak
