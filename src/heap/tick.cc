#include "heap/tick.h"

#include <atomic>

#include "big/cache.h"
#include "conf/config.h"
#include "heap/help.h"
#include "heap/limit.h"
#include "heap/reclaim.h"
#include "heap/registry.h"
#include "heap/shared.h"
#include "heap/tick_lock.h"
#include "large/pool.h"
#include "map/purge.h"
#include "map/super_slab.h"
#include "os/clock.h"
#include "os/own_thread.h"

namespace hak {

constinit os::Lock g_tick_lock{os::Rank::tick};

namespace {

// Ticks after which what lies in a shared pool is given back: between half a decay period and a whole one.
constexpr uint32_t kIdleTicks = 2;

// When the next tick is due, ms. A thread that moves it on does the tick: a failed exchange means that another does.
// Relaxed: what a tick looks at has orders of its own.
constinit std::atomic<uint64_t> g_due_ms{0};

// Whether the lock is held for a fork, not by a tick that a signal handler which forks has interrupted. Written by the
// lock's holder; others only learn that it isn't them: relaxed.
constinit std::atomic<bool> g_paused_for_fork{false};

// From the caches to units, and from units to the system: what is given up here is purged in the same tick.
bool give_back_idle(uint64_t now_ms) {
  map::g_tick.fetch_add(1, std::memory_order_relaxed);
  large::decay(kIdleTicks);
  big::decay();
  const Units helped = help_idle(now_ms, tick_ms());
  park_orphans(Orphans::with_returned);
  reclaim_idle_parked(now_ms, tick_ms());
  reclaim_shared_heaps();
  const bool any = helped != Units{0} || map::purgeable_units() != Units{0} || large::idle_units() != Units{0} ||
                   big::idle_units() != Units{0};
  if (is_near_limit()) map::purge_dirty(Bytes{0});
  else map::purge_aged();
  return any;
}

}  // namespace

uint64_t tick_ms() {
  const uint64_t period = conf::config().decay_ms;
  return period == conf::kOff ? period : (period + 1) / 2;
}

bool tick_if_due(uint64_t now_ms) {
  const uint64_t period = tick_ms();
  uint64_t due = g_due_ms.load(std::memory_order_relaxed);
  if (period == conf::kOff || now_ms < due) return false;
  if (!g_due_ms.compare_exchange_strong(due, now_ms + period, std::memory_order_relaxed)) return false;
  if (!g_tick_lock.try_lock()) return false;
  const bool any = give_back_idle(now_ms);
  g_tick_lock.unlock();
  return any;
}

void tick_on_heartbeat(uint64_t now_ms) {
  const uint64_t due = g_due_ms.load(std::memory_order_relaxed);
  const uint64_t grace = os::own_thread_runs() ? tick_ms() : 0;
  if (now_ms >= due + grace) tick_if_due(now_ms);
}

bool go_on_with_tick() {
  if (!g_tick_lock.try_lock()) return true;
  const bool left = help_on(os::coarse_ms(), tick_ms());
  g_tick_lock.unlock();
  return left;
}

uint64_t ms_to_next_tick(uint64_t now_ms) {
  const uint64_t due = g_due_ms.load(std::memory_order_relaxed);
  const uint64_t left = due > now_ms ? due - now_ms : 0;
  return left < tick_ms() ? left : tick_ms();
}

TickPause::TickPause() : held_(os::locks_held_by_me() == 0) {
  if (held_) g_tick_lock.lock();
}

TickPause::~TickPause() {
  if (held_) g_tick_lock.unlock();
}

void pause_ticks_for_fork() {
  if (os::locks_held_by_me() != 0) return;
  g_tick_lock.lock();
  g_paused_for_fork.store(true, std::memory_order_relaxed);
}

void resume_ticks_after_fork() {
  if (!g_tick_lock.held_by_me() || !g_paused_for_fork.exchange(false, std::memory_order_relaxed)) return;
  g_tick_lock.unlock();
}

void forget_tick() {
  resume_ticks_after_fork();
  if (g_tick_lock.held_by_another()) g_tick_lock.reset_after_fork();
}

}  // namespace hak
