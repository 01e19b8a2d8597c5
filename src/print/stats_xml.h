// Statistics in the form that malloc_info(3) of glibc has, for programs that parse it.
#pragma once

#include "base/format.h"
#include "hakmem/hakmem.h"

namespace hak::print {

/// Adds the document, with a final newline: one <heap>, its <sizes> those of free blocks, totals of glibc's types,
/// and what glibc has no word for in <hakmem>. Threads: any, `stats` must not change meanwhile.
void stats_xml(Text& out, const hakmem_statistics& stats);

}  // namespace hak::print
