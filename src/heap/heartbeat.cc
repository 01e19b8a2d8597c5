#include "heap/heartbeat.h"

#include "conf/config.h"
#include "heap/help.h"
#include "heap/refill.h"
#include "map/purge.h"
#include "os/clock.h"

namespace hak {
namespace {

// Empty slabs that no refill wanted for a whole decay period go back.
void decay_empty(Heap& heap, uint64_t now_ms) {
  const uint64_t period = conf::config().decay_ms;
  if (period == conf::kOff || now_ms < heap.next_decay_ms.load(std::memory_order_relaxed)) return;
  heap.next_decay_ms.store(now_ms + period, std::memory_order_relaxed);
  release_empty(heap, heap.empty_units - heap.empty_units_least);
  heap.empty_units_least = heap.empty_units;
}

}  // namespace

void heartbeat(Heap& heap) {
  heap.outbox.post_all(heap);
  const uint64_t now_ms = os::coarse_ms();
  decay_empty(heap, now_ms);
  if (map::decay(now_ms)) help_idle(now_ms);
}

}  // namespace hak
