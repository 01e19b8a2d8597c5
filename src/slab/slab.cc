#include "slab/slab.h"

#include <cstring>

#include "slab/sparse.h"

namespace hak {
namespace {

void cut(Slab& s, unsigned c) {
  const SizeClass& k = size_class(c);
  s.freed = nullptr;
  s.countdown = -1;
  s.floor = 0;
  s.carved = 0;
  s.blocks = k.blocks;
  s.size_class = static_cast<uint8_t>(c);
  s.block_bytes = static_cast<uint16_t>(k.block_bytes);
  s.reciprocal = k.reciprocal;
  s.seen_off = 0;
  s.glance = 0;
  s.walked = 0;
  s.returned = 0;
  forget_released(s);
}

}  // namespace

Slab& make_slab(Heap* heap, unsigned c, const map::UnitRun& run) {
  Slab& s = *reinterpret_cast<Slab*>(map::line_of_unit(run.first));
  s.units = static_cast<uint8_t>(run.count);
  s.first = run.first;
  cut(s, c);
  s.fresh_resident = !run.clean || run.huge;
  s.state = SlabState::none;
  s.fill = 0;
  s.next = s.prev = nullptr;
  std::atomic_ref(s.heap).store(heap, std::memory_order_relaxed);  // is_slab_of()
  map::set_entries(run.first, run.count, reinterpret_cast<uintptr_t>(heap));
  return s;
}

void recut_slab(Slab& s, unsigned c) {
  s.fresh_resident = 1;
  cut(s, c);
}

void release_slab(Slab& s, map::Age age) {
  s.state = SlabState::none;
  std::atomic_ref(s.heap).store(nullptr, std::memory_order_relaxed);
  const uint32_t first = s.first;
  const uint32_t units = s.units;
  map::set_entries(first, units, map::kNothing);
  map::give_units(first, Units{units}, age);
}

uint32_t carve(Slab& s, uint32_t most, Block** list) {
  const uint32_t fresh = s.blocks - s.carved;
  const uint32_t n = fresh < most ? fresh : most;
  if (n == 0) return 0;
  char* const begin = start_of(s) + uint64_t{s.carved} * s.block_bytes;
  char* const last = begin + uint64_t{n - 1} * s.block_bytes;
  for (char* p = begin; p != last; p += s.block_bytes)
    reinterpret_cast<Block*>(p)->next = reinterpret_cast<Block*>(p + s.block_bytes);
  reinterpret_cast<Block*>(last)->next = nullptr;
  *list = reinterpret_cast<Block*>(begin);
  std::atomic_ref(s.carved).store(static_cast<uint16_t>(s.carved + n), std::memory_order_relaxed);  // others look at it
  s.countdown += static_cast<int32_t>(n);
  return n;
}

void put_back(Slab& s, const Batch& batch) {
  Block* const last = reinterpret_cast<Block*>(start_of(s) + (uint64_t{batch.last_granule} << kTinyShift));
  last->next = s.freed;
  s.freed = batch.first;
  s.countdown -= static_cast<int32_t>(batch.count);
}

bool copy_slab(const map::Line* line, Slab* copy) {
  memcpy(static_cast<void*>(copy), line, sizeof *copy);
  const Slab& s = *copy;
  if (s.size_class >= kClasses || s.heap == nullptr || s.units == 0 || s.units > kMaxSlabUnits) return false;
  const SizeClass& k = size_class(s.size_class);
  return map::line_of_unit(s.first) == line && s.block_bytes == k.block_bytes && s.reciprocal == k.reciprocal &&
         s.blocks == k.blocks && s.carved <= s.blocks;
}

const char* broken_rule(const Slab& s) {
  if (s.carved > s.blocks) return "slab: carved <= blocks";
  if (used_blocks(s) > s.carved) return "slab: used <= carved";
  uint32_t length = 0;
  for (const Block* b = s.freed; b != nullptr; b = b->next) {
    if (++length > s.blocks) return "slab: the list of freed blocks ends";
    if (!is_block_start(s, b)) return "slab: the list of freed blocks holds only its blocks";
  }
  if (length != freed_blocks(s)) return "slab: the list of freed blocks is as long as carved - used - released";
  if (count_released(s) != s.released) return "slab: released is the number of blocks that begin in released pages";
  return nullptr;
}

}  // namespace hak
