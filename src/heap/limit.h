// The memory limit (options limit, limit_share, limit_hard): asked before untouched memory is taken. What counts is
// what is in use, touched or not, and what is free and resident. Called by refills and by spans.
#pragma once

#include "base/units.h"
#include "hakmem/hakmem.h"

namespace hak {

/// The limit of this process's cgroup, bytes, where option `cgroup` says they are mounted; os::kUnlimited: none.
uint64_t cgroup_limit();

/// Reads the limit; once, at the start of the process, after the options.
void set_up_limit();

// 0: there is none. Written once at the start.
[[gnu::visibility("hidden")]] extern constinit uint64_t g_limit_units;

/// A promise of `more` units of untouched memory to the caller, who takes them while it lives: they count from the first, so
/// that of threads which come at the same time one is told that there is no room. Nothing where there is no limit. Threads:
/// any, each its own object.
class [[nodiscard]] Promise {
 public:
  explicit Promise(Units more) {
    if (g_limit_units != 0) begin(more.n);
  }
  ~Promise() {
    if (units_ != 0) end();
  }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

  /// Whether they may be taken. Gives back what is idle in the shared pools first, where it has to. False under a soft
  /// limit too where heaps may have more that is idle: the caller has all of it reclaimed, and asks once more with an
  /// AfterReclaim alive, which is told yes then. The caller may hold its own section or a shared heap's lock. Slow near the
  /// limit, one comparison where there is none.
  bool is_granted() const { return g_limit_units == 0 || is_below_limit(); }

 private:
  [[gnu::cold]] void begin(uint64_t units);
  [[gnu::cold]] void end();
  [[gnu::cold]] static bool is_below_limit();

  uint64_t units_ = 0;
};

/// While one lives, this thread has just had reclaimed what is idle. Not nested.
class [[nodiscard]] AfterReclaim {
 public:
  AfterReclaim();
  ~AfterReclaim();
  AfterReclaim(const AfterReclaim&) = delete;
  AfterReclaim& operator=(const AfterReclaim&) = delete;
};

/// Units that count once less while one lives, once they are named: their pages are moved from one span to another, and are
/// in both. Named when the other one is promised. Threads: any, each its own object.
class [[nodiscard]] MovingUnits {
 public:
  MovingUnits() = default;
  ~MovingUnits() { count_all(); }
  MovingUnits(const MovingUnits&) = delete;
  MovingUnits& operator=(const MovingUnits&) = delete;

  void count_once(Units units);

  /// There is no other one, or they are copied after all.
  void count_all();

 private:
  uint64_t units_ = 0;
};

/// In a forked child: what other threads were promised and moved counts no longer. No other thread exists.
void repair_limit_after_fork();

/// Whether memory is so near to the limit that what is free should not be kept.
bool is_near_limit();

/// The program's function for when the limit is passed; null: none. Threads: any.
void set_limit_function(hakmem_limit_function function, void* context);

/// Calls it, if the limit was passed since the last call. Called outside of sections and locks. Keeps errno.
void tell_of_limit();

}  // namespace hak
