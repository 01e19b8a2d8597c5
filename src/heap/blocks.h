// What is this pointer: for operations that look before they act, for diagnosis and for reports.
#pragma once

#include "hakmem/hakmem.h"
#include "map/span.h"
#include "slab/slab.h"

namespace hak {

/// What the page map says of a pointer: a slab, a span, or neither.
struct Found {
  Slab* slab = nullptr;
  map::Span* span = nullptr;
};

/// Looks a pointer up. Finds the slab around an interior pointer too, the span only by its first unit.
Found find(const void* p);

/// hakmem_block_info(). Walks free lists.
hakmem_block inspect(const void* p);

/// Reports a pointer that `function` can't take: foreign, never allocated, interior, or free already. Returns where
/// HAKMEM_MISUSE=report.
[[gnu::cold, gnu::noinline]] void report_bad_pointer(const void* p, const char* function, const void* site);
[[gnu::cold, gnu::noinline]] void report_double_free(const void* p, const void* site);

}  // namespace hak
