#include "heap/background.h"

#include <time.h>

#include <atomic>

#include "big/cache.h"
#include "conf/config.h"
#include "heap/tick.h"
#include "large/pool.h"
#include "map/super_slab.h"
#include "os/clock.h"
#include "os/limits.h"
#include "os/thread.h"

namespace hak {
namespace {

constexpr uint64_t kWorthAThread = 64;  // units: 4 MiB
constexpr unsigned kQuietTicks = 4;     // without work, before the thread ends
constexpr uint64_t kLeastSleepMs = 10;

// Any thread sets it and starts the thread; the thread clears it as the last it does. Relaxed: it guards no data.
constinit std::atomic<bool> g_running{false};

bool is_wanted() { return map::dirty_units().n + large::idle_units().n + big::idle_units().n >= kWorthAThread; }

// libc's block for the thread lies where it was allocated for as long as the thread lives: in a small address space that may
// be in the middle of the only place for a large block.
bool has_room() { return os::address_space_limit() == os::kUnlimited && os::data_limit() == os::kUnlimited; }

void sleep_ms(uint64_t ms) {
  timespec left{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1'000'000)};
  nanosleep(&left, nullptr);  // no signal interrupts it: all are blocked
}

void* run(void*) {
  const uint64_t period = tick_ms();
  for (unsigned quiet = 0; quiet < kQuietTicks;) {
    sleep_ms(period > kLeastSleepMs ? period : kLeastSleepMs);
    quiet = tick_if_due(os::coarse_ms()) ? 0 : quiet + 1;
  }
  g_running.store(false, std::memory_order_relaxed);
  return nullptr;
}

}  // namespace

void wake_background() {
  if (g_running.load(std::memory_order_relaxed) || !is_wanted()) return;
  if (!conf::config().background || tick_ms() == conf::kOff || !has_room()) return;
  if (g_running.exchange(true, std::memory_order_relaxed)) return;
  if (!os::start_thread(run, nullptr)) g_running.store(false, std::memory_order_relaxed);
}

void forget_background() { g_running.store(false, std::memory_order_relaxed); }

}  // namespace hak
