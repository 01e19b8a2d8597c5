// Fresh pages of slabs in batches, where they would fault one by one. Called by heap/ before it carves.
#pragma once

#include "slab/slab.h"

namespace hak {

constexpr uint32_t kMostAheadBlock = 2048;  // bytes: larger ones may not be touched as a whole

/// Before fresh blocks are carved: fetches the page in which they begin and some behind it at once, where they would
/// fault one by one. out_bytes: of the class's blocks that are out. At most a sixteenth of that is fetched ahead.
void populate_ahead(const Slab& s, uint64_t out_bytes);

}  // namespace hak
