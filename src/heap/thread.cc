#include "heap/thread.h"

#include <climits>

#include <cerrno>

#include "base/sanitizer.h"
#include "conf/config.h"
#include "heap/background.h"
#include "heap/exit_key.h"
#include "heap/help.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/tick.h"

namespace hak {
namespace {

// So many blocks a thread may free before it gets a heap. One that never calls malloc often frees a block or two when it
// ends, what its creator gave it: in a destructor, or in libc's clean-up after all of them, where no heap would ever be
// left again.
constexpr uint8_t kLoneFrees = 8;

struct ThreadLife {
  bool ended;
  uint8_t exit_rounds;
  uint8_t lone_frees;
};
constinit __thread ThreadLife t_life{false, 0, 0};

// A heap of a few slabs is parked as it is, for the next thread; a larger one gives back slabs and spans in which nothing
// lives. Pages of the others go one or two decay ticks later, if nobody adopts the heap before; at once where only the
// heartbeats of other threads do ticks, of which there may be none.
constexpr uint32_t kParkedUnits = 256;

void give_back(Heap& heap) {
  if (conf::config().background || tick_ms() == conf::kOff) give_back_unused(heap);
  else reclaim_heap(heap);
}

void leave_heap(Heap* heap) {
  {
    const OwnerSection section(*heap);
    heap->outbox.post_all(*heap);
    if (heap->slab_units > kParkedUnits) give_back(*heap);
    const bool has_spans = heap->open_spans != 0 && map::used_units().n >= kWorthAThread;
    if (heap->slab_units >= units_worth_taking() || has_spans) expect_quiet();
    if (heap->slab_units <= kParkedUnits) heap->young_bytes = 0;
  }
  this_heap = &g_empty_heap;
  t_life.ended = true;
  park_heap(*heap);
  wake_background();
}

}  // namespace

// Destructors of other keys run in the same rounds as ours and may allocate and free: stay until the last round but one. A
// thread that got its heap in a destructor of the first round is called in one round less, and has to leave as well. The
// thread sanitizer forgets the thread in the last round, and crashes on what it does then.
void on_thread_exit(void* heap) {
  constexpr int kRounds = PTHREAD_DESTRUCTOR_ITERATIONS - 1 - (kThreadSanitizer ? 1 : 0);
  if (++t_life.exit_rounds < kRounds && g_exit_key.arm(heap)) return;
  leave_heap(static_cast<Heap*>(heap));
}

Heap* heap_of_thread() {
  if (is_real(this_heap)) return this_heap;
  if (t_life.ended || !start_process()) return nullptr;
  const int saved_errno = errno;
  if (Heap* const heap = acquire_heap()) {
    this_heap = heap;  // first, because arm() may allocate
    g_exit_key.arm(heap);
  }
  errno = saved_errno;
  return is_real(this_heap) ? this_heap : nullptr;
}

Heap* heap_of_freeing_thread() {
  if (is_real(this_heap)) return this_heap;
  if (t_life.lone_frees == kLoneFrees) return heap_of_thread();
  t_life.lone_frees++;
  return nullptr;
}

}  // namespace hak
