#include "heap/limit.h"

#include <atomic>
#include <utility>

#include "big/cache.h"
#include "conf/config.h"
#include "large/pool.h"
#include "map/purge.h"
#include "map/super_slab.h"
#include "os/keep_errno.h"
#include "os/limits.h"
#include "os/thread.h"

namespace hak {

constinit uint64_t g_limit_units = 0;

namespace {

// The function is null while the context changes, and is read before it and after it (release, acquire): where it is the
// same both times the context is its own. `passed` only says that there is something to tell: relaxed.
constinit std::atomic<hakmem_limit_function> g_function{nullptr};
constinit std::atomic<void*> g_context{nullptr};
constinit std::atomic<bool> g_passed{false};

constinit __thread bool t_after_reclaim = false;

// Above a soft limit all is reclaimed when it is passed, and when a sixteenth more is in use than the last time: it takes
// long. 0: memory has been well below since. Relaxed: a late look reclaims once more.
constinit std::atomic<uint64_t> g_reclaimed_at{0};

bool is_worth_a_reclaim(uint64_t used) {
  const uint64_t last = g_reclaimed_at.load(std::memory_order_relaxed);
  return last == 0 || used >= last + last / 16;
}

// Units of all Promises and of all MovingUnits, and of this thread's.
struct Pending {
  std::atomic<uint64_t> promised, moving;  // relaxed: as of some moment
};
constinit Pending g_pending{};
constinit __thread uint64_t t_promised = 0, t_moving = 0;

void change(std::atomic<uint64_t>& all, uint64_t& mine, uint64_t by) {
  mine += by;
  all.fetch_add(by, std::memory_order_relaxed);
}

// With what is promised.
uint64_t used_units() {
  const uint64_t used = map::used_units().n;
  const uint64_t moving = g_pending.moving.load(std::memory_order_relaxed);
  return (used > moving ? used - moving : 0) + g_pending.promised.load(std::memory_order_relaxed);
}

uint64_t resident_units() { return used_units() + map::dirty_units().n; }

// Whether what is in use is below the limit once the shared pools are empty and free units purged.
bool fits_without_idle() {
  large::decay(0);
  big::flush();
  const uint64_t used = used_units();
  map::purge_dirty(bytes(Units{used < g_limit_units ? g_limit_units - used : 0}));
  return used <= g_limit_units;
}

// What another thread is giving back at this moment can't be taken from the pools, and counts: it is waited for.
bool fits_after_others() {
  constexpr unsigned kRounds = 100;
  for (unsigned round = 0; round < kRounds && (large::idle_units() + big::idle_units()).n != 0; round++) {
    os::yield();
    if (fits_without_idle()) return true;
  }
  return false;
}

}  // namespace

uint64_t cgroup_limit() {
  const conf::ShortText& option = conf::config().cgroup;
  char root[conf::ShortText::kMost + 1] = {};
  option.view().copy(root, conf::ShortText::kMost);
  return os::cgroup_memory_limit(option.empty() ? nullptr : root);
}

void set_up_limit() {
  const conf::Config& config = conf::config();
  uint64_t limit = config.limit_bytes != 0 ? config.limit_bytes : os::kUnlimited;
  if (config.limit_share != 0) {
    const uint64_t group = cgroup_limit();
    if (group != os::kUnlimited && group / 100 * config.limit_share < limit) limit = group / 100 * config.limit_share;
  }
  g_limit_units = limit == os::kUnlimited ? 0 : (limit >> kUnitShift) + (limit < kUnitBytes);
}

void Promise::begin(uint64_t units) {
  units_ = units;
  change(g_pending.promised, t_promised, units);
}

void Promise::end() { change(g_pending.promised, t_promised, -units_); }

bool Promise::is_below_limit() {
  const uint64_t wanted = resident_units();
  if (wanted <= g_limit_units) {
    if (wanted < g_limit_units - g_limit_units / 16) g_reclaimed_at.store(0, std::memory_order_relaxed);
    return true;
  }
  if (fits_without_idle()) return true;
  const bool is_hard = conf::config().limit_hard;
  if (is_hard && fits_after_others()) return true;
  if (!is_hard && !t_after_reclaim && is_worth_a_reclaim(used_units())) return false;
  g_passed.store(true, std::memory_order_relaxed);
  return !is_hard;
}

AfterReclaim::AfterReclaim() {
  t_after_reclaim = true;
  if (g_limit_units != 0) g_reclaimed_at.store(used_units(), std::memory_order_relaxed);
}
AfterReclaim::~AfterReclaim() { t_after_reclaim = false; }

void MovingUnits::count_once(Units units) {
  units_ = units.n;
  change(g_pending.moving, t_moving, units_);
}

void MovingUnits::count_all() { change(g_pending.moving, t_moving, -std::exchange(units_, 0)); }

void repair_limit_after_fork() {
  g_pending.promised.store(t_promised, std::memory_order_relaxed);
  g_pending.moving.store(t_moving, std::memory_order_relaxed);
}

bool is_near_limit() { return g_limit_units != 0 && resident_units() > g_limit_units / 4 * 3; }

void set_limit_function(hakmem_limit_function function, void* context) {
  g_function.store(nullptr, std::memory_order_relaxed);
  g_context.store(context, std::memory_order_release);
  g_function.store(function, std::memory_order_release);
}

void tell_of_limit() {
  if (!g_passed.load(std::memory_order_relaxed) || !g_passed.exchange(false, std::memory_order_relaxed)) return;
  const os::KeepErrno keep;
  hakmem_limit_function function = g_function.load(std::memory_order_acquire);
  for (;;) {
    void* const context = g_context.load(std::memory_order_acquire);
    const hakmem_limit_function before = std::exchange(function, g_function.load(std::memory_order_acquire));
    if (function == nullptr) return;
    if (function == before) return function(map::used_units().n << kUnitShift, g_limit_units << kUnitShift, context);
  }
}

}  // namespace hak
