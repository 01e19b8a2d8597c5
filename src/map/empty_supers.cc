#include "map/empty_supers.h"

#include <bit>

#include "map/super_slab.h"

namespace hak::map {

void EmptySupers::add(uint32_t index) {
  words_[index / 64] |= uint64_t{1} << (index % 64);
  if (index / 64 >= end_) end_ = index / 64 + 1;
  free_++;
}

void EmptySupers::remove(uint32_t index) {
  words_[index / 64] &= ~(uint64_t{1} << (index % 64));
  while (end_ > 0 && words_[end_ - 1] == 0) end_--;
  free_--;
}

void EmptySupers::clear() {
  while (end_ > 0) words_[--end_] = 0;
  free_ = 0;
}

bool EmptySupers::contains(uint32_t index) const { return (words_[index / 64] >> (index % 64) & 1) != 0; }

namespace {

// wanted: the units that will be taken.
bool is_among(uint32_t index, EmptySupers::Among among, uint32_t wanted) {
  if (among == EmptySupers::Among::all) return true;
  const uint32_t dirty = g_window.supers[index].dirty;
  return among == EmptySupers::Among::resident ? (dirty & wanted) == wanted : dirty == 0;
}

}  // namespace

uint32_t EmptySupers::find(uint32_t count, uint32_t align, Among among, uint32_t last) const {
  if (free_ < count) return kNoSuper;
  // Alignment is that of the address, and the window begins at no multiple of it in general.
  const uint64_t base = g_window_base >> kSuperShift;
  uint32_t run = 0;   // consecutive ones before `next`
  uint32_t next = 0;  // the last one's neighbour
  for (uint32_t word = 0; word < end_; word++) {
    for (uint64_t left = words_[word]; left != 0; left &= left - 1) {
      const uint32_t index = word * 64 + static_cast<uint32_t>(std::countr_zero(left));
      if (index != next) run = 0;
      next = index + 1;
      const uint32_t wanted = run + 1 == count ? last : ~0u;
      if (!is_among(index, among, wanted) || (run == 0 && ((base + index) & (align - 1)) != 0)) run = 0;
      else if (++run == count) return next - count;
    }
  }
  return kNoSuper;
}

}  // namespace hak::map
