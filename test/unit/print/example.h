// Statistics of a made-up process, for the tests of print/.
#pragma once

#include <memory>

#include "hakmem/hakmem.h"

namespace hak::print {

inline void add_class(hakmem_statistics& s, uint32_t tier, size_t block, uint64_t hits, uint64_t misses, uint64_t local,
                      uint64_t remote) {
  hakmem_class_stats c = {};
  c.tier = tier;
  c.block_size = block;
  c.hits = hits;
  c.misses = misses;
  c.allocations = hits + misses;
  c.frees_local = local;
  c.frees_remote = remote;
  c.frees = local + remote;
  c.live_blocks = c.allocations - c.frees;
  c.live_bytes = c.live_blocks * block;
  c.peak_blocks = c.allocations;
  c.refills[tier == HAKMEM_TIER_LARGE ? HAKMEM_STAGE_UNITS : HAKMEM_STAGE_BUMP] = misses;
  c.slabs = c.allocations != 0;
  c.held_bytes = c.slabs * 65536;
  for (const uint32_t sum : {uint32_t{0}, tier}) {
    hakmem_class_stats& t = s.tiers[sum];
    t.live_blocks += c.live_blocks;
    t.live_bytes += c.live_bytes;
    t.peak_blocks += c.peak_blocks;
    t.allocations += c.allocations;
    t.hits += c.hits;
    t.misses += c.misses;
    t.frees += c.frees;
    t.frees_local += c.frees_local;
    t.frees_remote += c.frees_remote;
    for (unsigned stage = 0; stage < HAKMEM_STAGES; ++stage) t.refills[stage] += c.refills[stage];
    t.slabs += c.slabs;
    t.held_bytes += c.held_bytes;
  }
  s.classes[s.class_count++] = c;
}

inline std::unique_ptr<hakmem_statistics> example() {
  auto s = std::make_unique<hakmem_statistics>();
  s->struct_bytes = sizeof(hakmem_statistics);
  add_class(*s, HAKMEM_TIER_TINY, 64, 900, 100, 500, 100);
  add_class(*s, HAKMEM_TIER_TINY, 80, 0, 0, 0, 0);
  add_class(*s, HAKMEM_TIER_MID, 1280, 7, 3, 10, 0);
  add_class(*s, HAKMEM_TIER_LARGE, 65536, 0, 1, 0, 0);
  s->os.window_bytes = uint64_t{1} << 40;
  s->os.claimed_bytes = 4 << 20;
  s->os.in_use_bytes = 3 * 65536;
  s->os.free_dirty_bytes = 1 << 20;
  s->os.free_clean_bytes = (3 << 20) - 3 * 65536;
  s->os.metadata_bytes = 100'000;
  s->os.maps = 5;
  s->os.maps_refused = 1;
  s->os.heaps = 2;
  s->os.heaps_parked = 1;
  return s;
}

// The same with every number as large as it can be.
inline std::unique_ptr<hakmem_statistics> worst() {
  auto s = std::make_unique<hakmem_statistics>();
  auto* const bytes = reinterpret_cast<unsigned char*>(s.get());
  for (size_t i = 0; i < sizeof *s; ++i) bytes[i] = 0xff;
  for (hakmem_class_stats& c : s->tiers) c.hits = c.misses = ~uint64_t{0} / 2;
  for (hakmem_class_stats& c : s->classes) {
    c.tier = HAKMEM_TIER_LARGE;
    c.hits = c.misses = ~uint64_t{0} / 2;
  }
  return s;
}

}  // namespace hak::print
