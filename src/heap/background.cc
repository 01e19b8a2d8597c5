#include "heap/background.h"

#include <atomic>

#include "big/cache.h"
#include "conf/config.h"
#include "heap/heap.h"
#include "heap/tick.h"
#include "large/pool.h"
#include "map/purge.h"
#include "os/clock.h"
#include "os/own_thread.h"
#include "os/thread.h"

namespace hak {
namespace {

constexpr unsigned kQuietTicks = 4;  // without work, before the thread ends
constexpr uint64_t kLeastSleepMs = 10;
constexpr uint64_t kPauseUs = 200;  // for an owner that came while its heap was gone through

// Said by heaps, heard by the thread: relaxed, a late word is said again on the next heartbeat.
constinit std::atomic<bool> g_quiet_expected{false};

// Where the system refused the thread it is asked again a tick later: freeing should not cost a clone(2) each time.
// Relaxed: a late look asks once more.
constinit std::atomic<uint64_t> g_next_try_ms{0};

// The thread is about to end. It says so before it looks for the last time, and whoever wants it looks here after he made
// that so: a barrier on all threads between makes that one of the two sees the other, as in heap/section.h.
constinit std::atomic<bool> g_ending{false};
constexpr unsigned kMostYields = 1000;  // until an ending thread has left its stack

bool is_wanted() {
  return g_quiet_expected.load(std::memory_order_relaxed) ||
         map::purgeable_units().n + large::idle_units().n + big::idle_units().n >= kWorthAThread;
}

bool may_end() {
  g_ending.store(true, std::memory_order_relaxed);
  os::barrier_all();
  if (!is_wanted()) return true;
  g_ending.store(false, std::memory_order_relaxed);
  return false;
}

// What owners at work keep from it in so many pauses is the next tick's.
void go_on() {
  constexpr unsigned kMostPauses = 50;
  for (unsigned n = 0; n < kMostPauses && ms_to_next_tick(os::coarse_ms()) != 0 && go_on_with_tick(); n++)
    os::sleep_own_thread(kPauseUs);
}

void run() {
  this_heap = &g_empty_heap;  // this thread's storage began as zero: it has no heap, and wants none
  g_ending.store(false, std::memory_order_relaxed);
  for (unsigned quiet = 0; quiet < kQuietTicks || is_wanted() || !may_end();) {
    const uint64_t left = ms_to_next_tick(os::coarse_ms());
    os::sleep_own_thread((left + kLeastSleepMs) * 1000);
    const bool expected = g_quiet_expected.exchange(false, std::memory_order_relaxed);
    quiet = tick_if_due(os::coarse_ms()) || expected ? 0 : quiet + 1;
    go_on();
  }
}

// Whether there is a thread that will look once more.
bool is_running() {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // the thread's barrier makes it a fence
  for (unsigned n = 0; n < kMostYields && os::own_thread_runs(); n++) {
    if (!g_ending.load(std::memory_order_relaxed)) return true;
    os::yield();
  }
  return false;
}

}  // namespace

void wake_background() {
  if (!is_wanted() || is_running()) return;
  if (!conf::config().background || tick_ms() == conf::kOff) return;
  const uint64_t now_ms = os::coarse_ms();
  if (now_ms < g_next_try_ms.load(std::memory_order_relaxed)) return;
  if (!os::start_own_thread(run) && !os::own_thread_runs())
    g_next_try_ms.store(now_ms + tick_ms(), std::memory_order_relaxed);
}

void expect_quiet() {
  if (!g_quiet_expected.load(std::memory_order_relaxed)) g_quiet_expected.store(true, std::memory_order_relaxed);
}

void forget_background() { os::forget_own_thread(); }

}  // namespace hak
