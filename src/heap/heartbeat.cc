#include "heap/heartbeat.h"

#include "conf/config.h"
#include "heap/background.h"
#include "heap/limit.h"
#include "heap/refill.h"
#include "heap/section.h"
#include "heap/tick.h"
#include "os/clock.h"

namespace hak {
namespace {

constexpr uint64_t kWorthALook = 4 << 20;  // bytes in slabs: of such a heap pages may go back once its thread is idle

// What the heap keeps and did not want for a whole decay period goes back.
void decay_kept(Heap& heap, uint64_t now_ms) {
  const uint64_t period = conf::config().decay_ms;
  if (period == conf::kOff || now_ms < heap.next_decay_ms) return;
  heap.next_decay_ms = now_ms + period;
  release_empty(heap, heap.empty_units - heap.empty_units_least, map::Age::fresh);
  if (heap.carved_bytes >= kWorthALook) {
    release_unused_currents(heap, map::Age::fresh);
    expect_quiet();
  }
  heap.empty_units_least = heap.empty_units;
}

}  // namespace

void heartbeat(Heap& heap) {
  const uint64_t now_ms = os::coarse_ms();
  heap.last_beat_ms.store(now_ms, std::memory_order_relaxed);
  heap.heartbeats.store(heap.heartbeats.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  {
    const OwnerSection section(heap);
    heap.outbox.post_all(heap);
    decay_kept(heap, now_ms);
  }
  tick_on_heartbeat(now_ms);
  wake_background();
  tell_of_limit();
}

}  // namespace hak
