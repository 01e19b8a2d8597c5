// The shared pool of the large tier: freed spans of 1 to 16 units, in 64 shards by the site that allocated them, so
// that threads which run different code don't meet, and what one site frees is what it gets again.
//
//   g_nonempty[class]   bit s: shard s may have a span of the class     so an empty class costs one load
//   shard s             lock, a list a class, newest first
//
// Called by heap/, whose stacks stand before it, and by the decay tick. Spans in it are kept, idle and resident.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "map/site.h"
#include "map/span.h"

namespace hak::large {

enum class From : uint8_t { nowhere, shard, steal };  // the site's own shard, or another's

struct Taken {
  map::Span* list = nullptr;  // newest first; the caller's
  unsigned count = 0;
  From from = From::nowhere;
};

/// Takes up to `most` spans of class `c` (below kLargeClasses), all from one shard: the site's, else the next that has
/// any. Threads: any.
Taken take(unsigned c, Site site, unsigned most);

/// Puts `count` spans of class `c` into the shard of the first one's site. They are the caller's and kept. Threads:
/// any.
void put(unsigned c, map::Span* list, unsigned count);

/// Gives spans back to units that were freed `ticks` or more ago. Threads: any.
void decay(uint32_t ticks);

/// Units in the pool now, as of some moment.
Units idle_units();

/// In a forked child: forgets the shards that another thread had under change. No other thread exists.
void repair_after_fork();

}  // namespace hak::large
