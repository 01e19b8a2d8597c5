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

/// Whether `more` units of untouched memory may be taken. Gives back what is idle in the shared pools first, where it has
/// to. False under a soft limit too where heaps may have more that is idle: the caller has all of it reclaimed, and asks
/// once more with an AfterReclaim alive, which is told yes then. The caller may hold its own section or a shared heap's
/// lock. Slow near the limit, one comparison where there is none.
[[gnu::cold]] bool admit_below_limit(Units more);
inline bool admit(Units more) { return g_limit_units == 0 || admit_below_limit(more); }

/// While one lives, this thread has just had reclaimed what is idle. Not nested.
class [[nodiscard]] AfterReclaim {
 public:
  AfterReclaim();
  ~AfterReclaim();
  AfterReclaim(const AfterReclaim&) = delete;
  AfterReclaim& operator=(const AfterReclaim&) = delete;
};

/// While one lives, so many units count once less: their pages are moved from one span to another, and are in both. Threads:
/// any, each its own object.
class [[nodiscard]] MovingUnits {
 public:
  explicit MovingUnits(Units units);
  ~MovingUnits() { count_all(); }
  MovingUnits(const MovingUnits&) = delete;
  MovingUnits& operator=(const MovingUnits&) = delete;

  /// They are copied after all.
  void count_all();

 private:
  uint64_t units_;
};

/// Whether memory is so near to the limit that what is free should not be kept.
bool is_near_limit();

/// The program's function for when the limit is passed; null: none. Threads: any.
void set_limit_function(hakmem_limit_function function, void* context);

/// Calls it, if the limit was passed since the last call. Called outside of sections and locks.
void tell_of_limit();

}  // namespace hak
