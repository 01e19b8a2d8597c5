// Statistics for programs: schema "hakmem-stats/1", field for field the struct of hakmem.h.
#pragma once

#include "base/format.h"
#include "hakmem/hakmem.h"

namespace hak::print {

/// Adds one JSON object on one line, without a final newline. Threads: any, `stats` must not change meanwhile.
void stats_json(Text& out, const hakmem_statistics& stats);

}  // namespace hak::print
