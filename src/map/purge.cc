#include "map/purge.h"

#include <atomic>
#include <bit>

#include "base/bits.h"
#include "conf/config.h"
#include "map/super_slab.h"
#include "os/memory.h"

namespace hak::map {
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

// When the next tick is due, ms. The thread that moves it on does the work: a failed exchange means another did, and
// nothing else is ordered by it, so relaxed.
constinit std::atomic<uint64_t> g_next_tick{0};

}  // namespace

Bytes purge_dirty(Bytes keep) { return purge_until(Age::any, keep); }

bool decay(uint64_t now_ms) {
  const uint64_t period = conf::g_config.decay_ms;
  if (period == conf::kOff) return false;
  uint64_t due = g_next_tick.load(std::memory_order_relaxed);
  if (now_ms < due) return false;
  if (!g_next_tick.compare_exchange_strong(due, now_ms + period, std::memory_order_relaxed)) return false;
  if (dirty_units() == Units{0}) return true;
  purge_until(Age::aged, Bytes{0});
  age_dirty();
  return true;
}

}  // namespace hak::map
