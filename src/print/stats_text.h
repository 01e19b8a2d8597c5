// Statistics for people: the table that HAKMEM_STATS=1 and malloc_stats(3) print.
// Reads the struct only; must not allocate, lock, or compute what the struct doesn't say.
#pragma once

#include "base/format.h"
#include "hakmem/hakmem.h"

namespace hak::print {

constexpr size_t kTableColumns = 100;  // no line is longer

/// Adds the table: totals and tiers, refills by stage, classes that were used, what the system was asked for.
/// Threads: any, `stats` must not change meanwhile.
void stats_text(Text& out, const hakmem_statistics& stats);

}  // namespace hak::print
