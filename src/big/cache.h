// The BigCache: freed spans of the big tier up to 64 MiB, in a table of site x class with room for one span each, so
// that taking and putting is one exchange, without a lock; what is displaced waits in a bin of its class.
//
// Called by heap/, whose stacks stand before it, and by the decay tick. How long a span stays is keep.h's.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "map/site.h"
#include "map/span.h"

namespace hak::big {

enum class From : uint8_t { nowhere, site, others };  // the site's own place, or a bin or another site's

struct Taken {
  map::Span* span = nullptr;
  From from = From::nowhere;
};

/// Takes a span of class `c` (kLargeClasses to kCachedClasses - 1). It is the caller's. Threads: any.
Taken take(unsigned c, Site site);

/// Keeps a span of class `c`, which was the caller's, for its site; or gives it back to units at once where the site's
/// habits say so. Threads: any.
void put(unsigned c, map::Span& span);

/// Gives back what was kept for long enough. Threads: any.
void decay();

/// Gives all back. Threads: any.
void flush();

/// Units in the cache now, as of some moment.
Units idle_units();

/// In a forked child: forgets a bin that another thread had under change. No other thread exists.
void repair_after_fork();

}  // namespace hak::big
