// The heartbeat: what has to happen now and then, hung on refills and on slabs' events, which come regularly in every
// thread that allocates or frees. The fast paths carry nothing.
#pragma once

#include "heap/heap.h"

namespace hak {

/// Called by the heap's thread, outside of its sections.
[[gnu::noinline]] void heartbeat(Heap& heap);

/// The same, at a refill from the slab or an event of it.
[[gnu::noinline]] void heartbeat_at(Heap& heap, Slab& slab);

/// Counts one refill or event; every 64th is a heartbeat.
constexpr uint32_t kBeatEvery = 64;
inline bool beat_is_due(Heap& heap) { return ++heap.beats % kBeatEvery == 0; }

/// Both. Outside of sections.
inline void beat(Heap& heap) {
  if (beat_is_due(heap)) [[unlikely]]
    heartbeat(heap);
}

}  // namespace hak
