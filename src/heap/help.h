// Helping: memory of heaps whose threads are elsewhere is reached by others (heap/section.h says how). Called by who
// posts to an owner that doesn't come, by a refill before the window grows, on the heartbeat, and by a purge.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "heap/heap.h"

namespace hak {

// An owner that allocates takes its inbox in long before so much waits there.
constexpr uint32_t kWaitsLongKib = 2048;

/// For who posted to `owner`, in whose inbox `waiting_kib` wait now: helps if that promises enough.
[[gnu::noinline]] void help_owner(Heap& owner, uint32_t waiting_kib);

/// Before the window grows: helps the heaps in whose inboxes much waits. Returns the units given back.
Units help_before_growing();

/// Helps every heap but the calling thread's, and gives the empty slabs back that they keep. Returns the units given back.
Units help_all();

/// At a decay tick: helps every heap, and takes from those whose owners had no heartbeat since `since_ms` what they keep:
/// empty slabs, spans, and the blocks of others that they have gathered. Returns the units given back, which count as aged.
Units help_idle(uint64_t since_ms);

}  // namespace hak
