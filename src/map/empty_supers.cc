#include "map/empty_supers.h"

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

uint32_t EmptySupers::find(uint32_t count, uint32_t align, Among among) const {
  if (free_ < count) return kNoSuper;
  // Alignment is that of the address, and the window begins at no multiple of it in general.
  const uint64_t base = g_window_base >> kSuperShift;
  uint32_t run = 0;
  for (uint32_t word = 0; word < end_; word++) {
    if (words_[word] == 0) {
      run = 0;
      continue;
    }
    for (uint32_t bit = 0; bit < 64; bit++) {
      const uint32_t index = word * 64 + bit;
      const bool usable = (words_[word] >> bit & 1) != 0 &&
                          (among == Among::all || (g_window.supers[index].dirty != 0) == (among == Among::resident));
      if (!usable || (run == 0 && ((base + index) & (align - 1)) != 0)) {
        run = 0;
        continue;
      }
      if (++run == count) return index + 1 - count;
    }
  }
  return kNoSuper;
}

}  // namespace hak::map
