// Huge pages for big blocks: which ask for them. A block that is filled has a 512th of the page faults then, at a sixth of
// the cost; of one that is touched here and there each touch costs 2 MiB.
//
//   realloc   what a block grows by will be filled as the rest was: always
//   malloc    from a budget, 8 MiB at first. Of a block that leaves less than that in it the first 2 MiB keep small pages,
//             and the next one looks at them: where they are filled, four times that block goes into the budget. So a
//             program that fills its blocks soon gets huge pages for all of them, and of one that doesn't 8 MiB at most
//             are in memory without having been touched
//   calloc    the same from a budget of its own, nothing at first: tables that are to be sparse come from there
//
// Not in a small process, and not under HAKMEM_LIMIT. Only SuperSlabs that a block takes whole.
#pragma once

#include <cstdint>

#include "map/span.h"

namespace hak {

enum class Contents : uint8_t { any, zero };  // what was asked for: malloc, calloc

/// A span from units that were never touched: asks for what it may have. Threads: any.
void ask_huge_for_block(const map::Span& span, Contents contents);

/// realloc made a span of `before` units longer, or moved it to where what is behind them is untouched.
void ask_huge_for_growth(const map::Span& span, uint64_t before);

}  // namespace hak
