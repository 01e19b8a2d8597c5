// Gives free units back to the system: now (API, limits, refused memory), or after they were idle (decay).
// Called by heap/reclaim and heap/tick, without any lock held but those above the map lock's rank.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/units.h"

namespace hak::map {

/// Purges dirty units until at most `keep` bytes of them are left. Returns the bytes given back.
/// Errors: what the kernel refuses stays dirty, and what comes behind several SuperSlabs of which it refuses all. Threads:
/// any.
Bytes purge_dirty(Bytes keep);

/// Dirty units, of which the system will take some: none where it refused all of the last time, as of locked memory.
/// Threads: any; as of some moment.
Units purgeable_units();

/// The decay clock: ticks, two in a decay period. Written by the thread that does a tick's work, read as of some
/// moment: relaxed.
[[gnu::visibility("hidden")]] extern constinit std::atomic<uint32_t> g_tick;

/// What a decay tick does here: purges what was dirty at the last tick and still is. So units stay resident between one
/// and two ticks after they were freed. Threads: one at a time.
void purge_aged();

}  // namespace hak::map
