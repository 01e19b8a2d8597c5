// Counts on the fast paths too, so that the derived counters (heap/statistics.cc) can be checked against them: only in
// a build with HAKMEM_COUNTERS=1 (presets counters, debug). Elsewhere these are nothing. Included by the fast paths.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/size_class.h"
#include "base/span_class.h"
#include "hakmem/hakmem.h"

#ifndef HAKMEM_COUNTERS
#define HAKMEM_COUNTERS 0
#endif

namespace hak {

constexpr bool kCounters = HAKMEM_COUNTERS != 0;

/// Blocks handed to and given back by the program, of all threads. A span's class is kClasses + its span class, as in
/// hakmem_statistics. Each exact by itself, nothing is ordered by them: relaxed.
struct Counted {
  std::atomic<uint64_t> allocations[kClasses + kSpanClasses];
  std::atomic<uint64_t> frees[kClasses + kSpanClasses];
};
extern constinit Counted g_counted;

inline void count_allocation(size_t c) {
  if constexpr (kCounters) g_counted.allocations[c].fetch_add(1, std::memory_order_relaxed);
}
inline void count_free(size_t c) {
  if constexpr (kCounters) g_counted.frees[c].fetch_add(1, std::memory_order_relaxed);
}

/// A free that turned out to be none: misuse, reported.
inline void discount_free(size_t c) {
  if constexpr (kCounters) g_counted.frees[c].fetch_sub(1, std::memory_order_relaxed);
}

/// The rule that the derived statistics break, null when they agree with what was counted; always null in other builds.
/// For a process at rest: no thread is inside the allocator.
const char* broken_counter_rule(const hakmem_statistics& derived);

}  // namespace hak
