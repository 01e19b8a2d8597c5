// The counters, derived: docs/design.md, "Counting". Called by api/.
#pragma once

#include "hakmem/hakmem.h"

namespace hak {

/// Fills *out with the process's counts. See hakmem_stats().
void collect_statistics(hakmem_statistics* out);

/// The broken invariant's text, or null: for tests, when no other thread allocates. Walks everything.
const char* broken_heap_rule();

}  // namespace hak
