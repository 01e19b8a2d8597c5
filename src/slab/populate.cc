#include "slab/populate.h"

#include <bit>

#include "os/memory.h"

namespace hak {
namespace {

constexpr uint32_t kMostAhead = kUnitBytes / kPageBytes;  // pages
constexpr uint32_t kLeastAhead = 4;                       // fewer aren't worth a call
constexpr uint32_t kAheadShare = 16;                      // of what is out

// Once refused it isn't tried again: a kernel before 5.14, or a limit that is near. Relaxed: a late look costs one call.
constinit std::atomic<bool> g_populate_refused{false};

// A power of two, so that batches follow each other.
uint32_t pages_ahead(uint64_t out_bytes) {
  const uint64_t pages = out_bytes / kAheadShare / kPageBytes;
  return pages < kMostAhead ? static_cast<uint32_t>(std::bit_floor(pages)) : kMostAhead;
}

}  // namespace

void populate_ahead(const Slab& s, uint64_t out_bytes) {
  const uint32_t batch = pages_ahead(out_bytes);
  const uint32_t page = (uint32_t{s.carved} * s.block_bytes + s.block_bytes - 1) / kPageBytes;
  if (batch < kLeastAhead || page % batch != 0) return;
  if (os::page_size() != kPageBytes || g_populate_refused.load(std::memory_order_relaxed)) return;
  const uint32_t left = (uint32_t{s.units} << kUnitShift) / kPageBytes - page;
  const uint32_t pages = batch < left ? batch : left;
  if (!os::populate(start_of(s) + uint64_t{page} * kPageBytes, uint64_t{pages} * kPageBytes))
    g_populate_refused.store(true, std::memory_order_relaxed);
}

}  // namespace hak
