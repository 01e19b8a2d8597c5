#include "map/purge.h"

#include <bit>

#include "base/bits.h"
#include "map/super_slab.h"
#include "os/memory.h"

namespace hak::map {

constinit std::atomic<uint32_t> g_tick{0};

namespace {

// Under mlockall(2) every call is in vain, and takes units away from who wants them meanwhile.
constexpr unsigned kMostRefused = 8;  // SuperSlabs in a row

constinit std::atomic<bool> g_all_refused{false};  // the last time: a guess at what the next will be, relaxed

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
  unsigned refused = 0;
  while (bytes(dirty_units()) > keep && refused < kMostRefused) {
    const DirtyMask taken = take_dirty(age, &from);
    if (taken.mask == 0) break;
    const uint32_t left = purge_runs(taken, &purged);
    refused = left == taken.mask ? refused + 1 : 0;
    purged_units(taken, left);
  }
  if (purged != 0 || refused != 0) g_all_refused.store(purged == 0, std::memory_order_relaxed);
  return bytes(Units{purged});
}

}  // namespace

Units purgeable_units() { return g_all_refused.load(std::memory_order_relaxed) ? Units{0} : dirty_units(); }

Bytes purge_dirty(Bytes keep) { return purge_until(Age::fresh, keep); }

void purge_aged() {
  if (dirty_units() == Units{0}) return;
  purge_until(Age::aged, Bytes{0});
  age_dirty();
}

}  // namespace hak::map
