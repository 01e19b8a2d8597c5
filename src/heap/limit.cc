#include "heap/limit.h"

#include <atomic>

#include "big/cache.h"
#include "conf/config.h"
#include "large/pool.h"
#include "map/purge.h"
#include "map/super_slab.h"
#include "os/limits.h"

namespace hak {

constinit uint64_t g_limit_units = 0;

namespace {

// The function is written after its context and read before it (release, acquire), so that a new function never gets an
// old context; `passed` only says that there is something to tell: relaxed.
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

constinit std::atomic<uint64_t> g_moving{0};  // units that MovingUnits name: relaxed, as of some moment

uint64_t used_units() {
  const uint64_t used = map::used_units().n;
  const uint64_t moving = g_moving.load(std::memory_order_relaxed);
  return used > moving ? used - moving : 0;
}

uint64_t resident_units() { return used_units() + map::dirty_units().n; }

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

bool admit_below_limit(Units more) {
  const uint64_t wanted = resident_units() + more.n;
  if (wanted <= g_limit_units) {
    if (wanted < g_limit_units - g_limit_units / 16) g_reclaimed_at.store(0, std::memory_order_relaxed);
    return true;
  }
  large::decay(0);
  big::flush();
  const uint64_t used = used_units() + more.n;
  map::purge_dirty(bytes(Units{used < g_limit_units ? g_limit_units - used : 0}));
  if (used <= g_limit_units) return true;
  if (!conf::config().limit_hard && !t_after_reclaim && is_worth_a_reclaim(used)) return false;
  g_passed.store(true, std::memory_order_relaxed);
  return !conf::config().limit_hard;
}

AfterReclaim::AfterReclaim() {
  t_after_reclaim = true;
  if (g_limit_units != 0) g_reclaimed_at.store(used_units(), std::memory_order_relaxed);
}
AfterReclaim::~AfterReclaim() { t_after_reclaim = false; }

MovingUnits::MovingUnits(Units units) : units_(units.n) { g_moving.fetch_add(units_, std::memory_order_relaxed); }

void MovingUnits::count_all() {
  g_moving.fetch_sub(units_, std::memory_order_relaxed);
  units_ = 0;
}

bool is_near_limit() { return g_limit_units != 0 && resident_units() > g_limit_units / 4 * 3; }

void set_limit_function(hakmem_limit_function function, void* context) {
  g_function.store(nullptr, std::memory_order_relaxed);
  g_context.store(context, std::memory_order_relaxed);
  g_function.store(function, std::memory_order_release);
}

void tell_of_limit() {
  if (!g_passed.load(std::memory_order_relaxed) || !g_passed.exchange(false, std::memory_order_relaxed)) return;
  const hakmem_limit_function function = g_function.load(std::memory_order_acquire);
  if (function == nullptr) return;
  function(map::used_units().n << kUnitShift, g_limit_units << kUnitShift, g_context.load(std::memory_order_relaxed));
}

}  // namespace hak
