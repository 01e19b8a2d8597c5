#include "heap/outbox.h"

#include <atomic>
#include <bit>
#include <utility>

#include "heap/background.h"
#include "heap/heap.h"
#include "heap/help.h"
#include "heap/section.h"

namespace hak {
namespace {

// Each exact by itself, nothing is ordered by them: relaxed.
constinit std::atomic<uint64_t> g_posted[kClasses];

// Whether it looks as the first block of a batch in an inbox does (slab/free_list.h), which has its mark no more. All that
// such a block says is compared: what a program writes there will hardly say where in its slab the block lies.
bool looks_posted(const Slab& slab, const Block* block) {
  Block* next_batch = nullptr;
  const Batch batch = read_batch(const_cast<Block*>(block), &next_batch);
  if (!may_be_batch(batch, next_batch) || batch.count > slab.blocks) return false;
  const char* const last = start_of(slab) + (uint64_t{batch.last_granule} << kTinyShift);
  const Block* const link = unpack_block(reinterpret_cast<uint64_t>(block->next));
  const auto is_in_slab = [&slab](const void* p) {
    return offset_in(slab, p) < uint32_t{slab.units} << kUnitShift && is_block_start(slab, p);
  };
  if (batch.count == 1) return link == nullptr && last == reinterpret_cast<const char*>(block);
  return is_in_slab(last) && is_in_slab(link);
}

// For so much somebody has to look after a thread that stops.
constexpr uint32_t kReservesMuch = 128 << 10;

// Slots of more make place for others, where all reserve too much: each makes much.
constexpr uint32_t kWideBytes = 16 << 10;
static_assert(Outbox::kSlots * kWideBytes <= Outbox::kMostBytes / 2);

uint32_t reserved_by(const Outbox::Slot& slot) { return uint32_t{slot.limit} * slot.block_bytes; }
static_assert((kMaxSlabUnits << kUnitShift) >> kTinyShift <= UINT16_MAX, "where a slot's last block lies");

}  // namespace

bool looks_free(const Slab& slab, const void* p) {
  const Block* const block = static_cast<const Block*>(p);
  return block->mark == reinterpret_cast<uint64_t>(&slab) || looks_posted(slab, block);
}

// With its first block.
void Outbox::open(Heap& heap, Slot& slot, Slab& slab, Block* block) {
  uint32_t limit = kSlotBytes / slab.block_bytes;
  if (limit < kLeastSlotBlocks) limit = kLeastSlotBlocks;
  if (limit > kMostSlotBlocks) limit = kMostSlotBlocks;
  while (reserved_ + limit * slab.block_bytes > kMostBytes && wide_ != 0) post(heap, slots_[std::countr_zero(wide_)]);
  block->next = nullptr;
  slot = {.slab = &slab,
          .head = block,
          .reciprocal = slab.reciprocal,
          .start = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(start_of(slab))),
          .block_bytes = slab.block_bytes,
          .last_granule = static_cast<uint16_t>(offset_in(slab, block) >> kTinyShift),
          .room = static_cast<uint8_t>(limit - 1),
          .limit = static_cast<uint8_t>(limit)};
  const uint32_t before = std::exchange(reserved_, reserved_ + reserved_by(slot));
  open_ |= bit_of(slot);
  if (reserved_by(slot) > kWideBytes) wide_ |= bit_of(slot);
  if (before < kReservesMuch && reserved_ >= kReservesMuch && map::used_units().n >= kWorthAThread) {
    expect_quiet();  // this may be the thread's last free
    wake_background();
  }
}

namespace {

// So much waits for its owner now.
void look_after(Heap& owner, uint32_t waiting_kib) {
  if (waiting_kib < kWaitsLongKib) [[likely]]
    return;
  help_owner(owner, waiting_kib);
  expect_quiet();  // what it gave back, and what waits in a shared heap
  wake_background();
}

}  // namespace

void Outbox::post(Heap& heap, Slot& slot) {
  check_section(heap);
  Slab& slab = *slot.slab;
  const uint32_t count = slot.count();
  heap.remote_freed[slab.size_class] += count;
  reserved_ -= reserved_by(slot);
  open_ &= ~bit_of(slot);
  wide_ &= ~bit_of(slot);
  slot.slab = nullptr;
  Heap& owner = *slab.heap;
  look_after(owner, owner.inbox.post({slot.head, slot.last_granule, count}, uint64_t{count} * slot.block_bytes));
}

Outbox::Result Outbox::put(Heap& heap, Slab& slab, void* p) {
  switch (gather(slab, p)) {
    case Gathered::yes:
      return Result::done;
    case Gathered::due:
      return tidy(heap, slab);
    case Gathered::no:
      break;
  }
  Block* const block = static_cast<Block*>(p);
  const uint32_t offset = offset_in(slab, p);
  if (block_index(slab.reciprocal, offset) * slab.block_bytes != offset) [[unlikely]]
    return Result::interior;
  if (looks_free(slab, p)) [[unlikely]]
    return Result::marked;
  Slot& slot = slot_for(slab);
  if (slot.slab != nullptr) post(heap, slot);
  block->mark = reinterpret_cast<uint64_t>(&slab);
  open(heap, slot, slab, block);
  count_free(slab.size_class);
  left_in_step_--;
  return tidy(heap, slab);
}

Outbox::Result Outbox::tidy(Heap& heap, const Slab& slab) {
  Slot& slot = slot_for(slab);
  if (slot.room == 0) post(heap, slot);
  if (left_in_step_ >= 0) return Result::done;
  left_in_step_ = kFreesPerStep - 1;
  Slot& waiting = slots_[hand_++ % kSlots];
  if (waiting.slab != nullptr) post(heap, waiting);
  return Result::step;
}

void Outbox::post_all(Heap& heap) {
  for (uint64_t open = open_; open != 0; open &= open - 1) post(heap, slots_[std::countr_zero(open)]);
}

void post_one(Slab& slab, void* p) {
  g_posted[slab.size_class].fetch_add(1, std::memory_order_relaxed);
  count_free(slab.size_class);
  Block* const block = static_cast<Block*>(p);
  block->next = nullptr;
  Heap& owner = *slab.heap;
  look_after(owner, owner.inbox.post({block, offset_in(slab, p) >> kTinyShift, 1}, slab.block_bytes));
}

uint64_t posted_without_heap(unsigned c) { return g_posted[c].load(std::memory_order_relaxed); }

}  // namespace hak
