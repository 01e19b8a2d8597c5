// Which SuperSlabs are wholly free: one bit each, in a table that is mapped as it grows. First fit by address, so that
// the window's end empties. Under the map lock; called by super_slab.cc only.
#pragma once

#include <cstdint>

#include "map/window.h"

namespace hak::map {

class EmptySupers {
 public:
  void add(uint32_t index);
  void remove(uint32_t index);
  bool contains(uint32_t index) const;
  void clear();

  /// The lowest `count` consecutive ones, beginning at a multiple of `align` SuperSlabs counted from address 0.
  /// Among::resident takes only SuperSlabs of which all units are dirty, of the last one those of `last`; untouched only
  /// those without any. kNoSuper: there are none.
  enum class Among : uint8_t { all, resident, untouched };
  uint32_t find(uint32_t count, uint32_t align, Among among, uint32_t last) const;

 private:
  // A count instead of bits in the SuperSlab table itself would need a walk over all of them.
  static constexpr uint32_t kWords = (uint32_t{16} << (40 - kSuperShift)) / 64;  // the largest window: 16 TiB
  uint32_t end_ = 0;                                                             // words from here on are zero
  uint32_t free_ = 0;                                                            // bits set
  uint64_t words_[kWords] = {};  // in .bss: untouched pages cost nothing
};

}  // namespace hak::map
