// Helping: memory of heaps whose threads are elsewhere is reached by others (heap/section.h says how). Called by who
// posts to an owner that doesn't come, by a refill before the window grows, on the heartbeat, and by a purge.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "heap/heap.h"

namespace hak {

// An owner that allocates takes its inbox in long before so much waits there.
constexpr uint32_t kWaitsLongKib = 2048;

/// Units in slabs from which an idle heap's currents and pages are worth taking, now: 2 MiB, since small threads that
/// come and go want them again; 256 KiB in a process that uses 16 MiB, where small threads may be many.
uint32_t units_worth_taking();

/// Whether a number of units that grew from `before` to `now` may have reached that: false for most, at little cost.
constexpr uint32_t kWorthTaking = 32, kWorthTakingOfMany = 4;
static_assert(kWorthTaking % kWorthTakingOfMany == 0);
constexpr bool may_become_worth_taking(uint32_t before, uint32_t now) {
  return before < kWorthTaking && before / kWorthTakingOfMany != now / kWorthTakingOfMany;
}

/// For who posted to `owner`, in whose inbox `waiting_kib` wait now: helps if that promises enough.
[[gnu::noinline]] void help_owner(Heap& owner, uint32_t waiting_kib);

/// Before the window grows: helps the heaps in whose inboxes much waits. Returns the units given back.
Units help_before_growing();

/// Helps every heap but the calling thread's, and gives the empty slabs back that they keep. Returns the units given
/// back.
Units help_all();

/// At a decay tick, which come every `tick_ms`: helps every heap, and takes from those whose owners had no heartbeat
/// since the last one what they keep: empty slabs, spans, and the blocks of others that they have gathered; and from
/// all of them pages of sparse slabs. Returns the units given back, which count as aged.
Units help_idle(uint64_t now_ms, uint64_t tick_ms);

/// Goes on with sparse slabs where owners came in between. True where something is left again.
bool help_on(uint64_t now_ms, uint64_t tick_ms);

}  // namespace hak
