// Fresh pages of slabs in batches, where they would fault one by one. Called by heap/ before it carves.
#pragma once

#include "slab/slab.h"

namespace hak {

constexpr uint32_t kMostAheadBlock = 2048;  // bytes: larger ones may not be touched as a whole

/// Whether what is fresh of a slab is worth fetching ahead.
inline bool faults_page_by_page(const Slab& s) { return s.fresh_resident == 0 && s.block_bytes <= kMostAheadBlock; }

/// Before fresh blocks are carved: fetches the page in which they begin and some behind it at once, where they would
/// fault one by one. out_bytes: of the class's blocks that are out. At most a sixteenth of that is fetched ahead.
void populate_ahead(const Slab& s, uint64_t out_bytes);

}  // namespace hak
