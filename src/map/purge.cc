#include "map/purge.h"

#include <bit>

#include "base/bits.h"
#include "map/super_slab.h"
#include "os/memory.h"

namespace hak::map {

constinit std::atomic<uint32_t> g_tick{0};

namespace {

// Purges the runs of `taken`. Returns the units that the kernel refused to take.
uint32_t purge_runs(DirtyMask taken, uint64_t* purged_units_count) {
  uint32_t refused = 0;
  for (uint32_t left = taken.mask; left != 0;) {
    const unsigned first = static_cast<unsigned>(std::countr_zero(left));
    const unsigned length = static_cast<unsigned>(std::countr_one(left >> first));
    const uint32_t run = bit_run(first, length);
    if (os::purge(address_of(taken.super * kSuperUnits + first), uint64_t{length} << kUnitShift))
      *purged_units_count += length;
    else refused |= run;
    left &= ~run;
  }
  return refused;
}

Bytes purge_until(Age age, Bytes keep) {
  uint64_t purged = 0;
  uint32_t from = 0;
  while (bytes(dirty_units()) > keep) {
    const DirtyMask taken = take_dirty(age, &from);
    if (taken.mask == 0) break;
    purged_units(taken, purge_runs(taken, &purged));
  }
  return bytes(Units{purged});
}

}  // namespace

Bytes purge_dirty(Bytes keep) { return purge_until(Age::fresh, keep); }

void purge_aged() {
  if (dirty_units() == Units{0}) return;
  purge_until(Age::aged, Bytes{0});
  age_dirty();
}

}  // namespace hak::map
