// How long a freed big span is kept: rent or buy. Keeping it costs bytes x time x the price of memory (option `price`),
// giving it back costs its page faults when it is wanted again. Without foresight one keeps it until both are equal,
// and never pays more than twice the least (A. Karlin et al., Competitive snoopy caching, 1988). What a site did so far
// is foresight: one that comes back later than that has its spans given back at once, one that comes back soon doesn't
// need so long.
//
// The cost of a page fault is measured on this machine, once, when the first span is to be kept.
#pragma once

#include <cstdint>

#include "map/site.h"

namespace hak::big {

/// Notes that a span of the site was freed, or allocated, at `now_ms` (coarse). The time from a free to the next
/// allocation is the site's reuse interval. Threads: any.
void note_free(Site site, uint64_t now_ms);
void note_allocation(Site site, uint64_t now_ms);

/// How long a span of the site is to be kept after it was freed, ms. 0: not at all. conf::kOff: for ever.
uint64_t keep_ms(Site site);

/// What a page fault costs here, ns; measured at the first call.
uint64_t fault_ns();

}  // namespace hak::big
