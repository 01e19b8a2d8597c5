#include "heap/heartbeat.h"

#include <utility>

#include "conf/config.h"
#include "heap/background.h"
#include "heap/help.h"
#include "heap/limit.h"
#include "heap/reclaim.h"
#include "heap/refill.h"
#include "heap/section.h"
#include "heap/tick.h"
#include "map/super_slab.h"
#include "os/clock.h"
#include "os/own_thread.h"

namespace hak {
namespace {

// Of this heap, and of others that are as small, pages may go back once their threads are idle.
bool is_worth_waiting_for(const Heap& heap) {
  return heap.slab_units >= units_worth_taking() && map::used_units().n >= kWorthAThread;
}

// Since its last heartbeat: little may wait for each owner, and much for all of them.
bool frees_for_others(Heap& heap) {
  const uint32_t steps = heap.outbox.steps();
  return std::exchange(heap.steps_seen, steps) != steps && map::used_units().n >= kWorthAThread;
}

// What the heap keeps and did not want for a whole decay period goes back.
void decay_kept(Heap& heap, uint64_t now_ms) {
  const uint64_t period = conf::config().decay_ms;
  if (period == conf::kOff || now_ms < heap.next_decay_ms) return;
  if (std::exchange(heap.next_decay_ms, now_ms + period) == 0) return;  // a heap's first heartbeat: it begins here
  release_unwanted(heap, now_ms, period);
  if (!os::own_thread_runs()) release_idle_spans(heap);  // nobody else may come to do it
  if (heap.slab_units < units_worth_taking()) return;
  flush_cold_lists(heap);
  release_unused_currents(heap, map::Age::fresh);
}

constexpr uint32_t kEventBeats = 2;

// Who only frees, and has done so for a while, may be about to fall asleep: what is on his lists, blocks here and there
// in up to sixteen pages a class, nobody could give back then. Once, until he allocates again.
void flush_lists_of_who_only_frees(Heap& heap) {
  const bool no_refill = heap.events - std::exchange(heap.events_seen, heap.events) >= kBeatEvery;
  if (!no_refill) heap.event_beats = 0;
  else if (heap.event_beats <= kEventBeats) heap.event_beats++;
  if (heap.event_beats == kEventBeats && heap.slab_units >= units_worth_taking()) flush_lists(heap);
}

// What a class is given in addition when its list holds one block at a time. Not of large blocks: a buffer that is used
// again at once is in the processor's cache (48 KiB, a byte a page: 21 ns a pair with one block, 67 with five).
constexpr uint32_t kMoreBlocks = 4, kMoreBytes = 16'384;

constexpr uint32_t kNarrowBeats = 4;  // heartbeats that find such a list, all at one slab

// A program that frees a block before it asks for the next has one in circulation, where a page gives no more: then
// each malloc is a refill, and each free the slab's last. Seen once in 64 of them, so that it costs the others nothing;
// and only where it goes on, since threads that come and go would widen every class.
void widen_list(Heap& heap, Slab& slab) {
  if (!is_slab_of(slab, &heap)) return;  // a shared heap's, or given up by now: its line may be a span's
  const bool one_circulates = heap.free[slab.size_class] == nullptr && freed_blocks(slab) <= 1;
  if (!one_circulates || slab.state != SlabState::current) return;
  if (std::exchange(heap.narrow, &slab) != &slab) heap.narrow_beats = 0;
  if (++heap.narrow_beats < kNarrowBeats) return;
  const uint32_t most = kMoreBytes / slab.block_bytes;
  add_fresh(heap, slab, most < kMoreBlocks ? most : kMoreBlocks);
}

// slab: of the refill or event that it came with, or null.
[[gnu::always_inline]] inline void heartbeat_with(Heap& heap, Slab* slab) {
  const uint64_t now_ms = os::coarse_ms();
  heap.last_beat_ms.store(now_ms, std::memory_order_relaxed);
  {
    const OwnerSection section(heap);
    if (slab != nullptr) widen_list(heap, *slab);
    heap.outbox.post_all(heap);
    flush_lists_of_who_only_frees(heap);
    decay_kept(heap, now_ms);
    if (is_worth_waiting_for(heap) || frees_for_others(heap)) expect_quiet();
  }
  tick_on_heartbeat(now_ms);
  wake_background();
  tell_of_limit();
}

}  // namespace

void heartbeat_at(Heap& heap, Slab& slab) { heartbeat_with(heap, &slab); }

void heartbeat(Heap& heap) { heartbeat_with(heap, nullptr); }

}  // namespace hak
