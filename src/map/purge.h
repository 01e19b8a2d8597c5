// Gives free units back to the system: now (API, limits, refused memory), or after they were idle (decay).
// Called by heap/reclaim and heap/heartbeat, without any lock held but those above the map lock's rank.
#pragma once

#include "base/units.h"

namespace hak::map {

/// Purges dirty units until at most `keep` bytes of them are left. Returns the bytes given back.
/// Errors: what the kernel refuses stays dirty. Threads: any.
Bytes purge_dirty(Bytes keep);

/// Called now and then with the coarse time: once a decay period has passed, purges what was dirty at the last tick
/// and still is. So units stay resident between one and two periods after they were freed. True where this call was the
/// period's tick. Threads: any.
bool decay(uint64_t now_ms);

}  // namespace hak::map
