// What was asked of the kernel, and what it refused: one counter per fact, one list of their names.
// Written by os/ only, read by statistics. Counters are relaxed: each is exact by itself, no order between them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hak::os {

using Counter = std::atomic<uint64_t>;

struct Counters {
  // Calls count those refused too; bytes count only what the kernel granted. occupied: the address was taken.
  Counter maps{0}, maps_refused{0}, maps_occupied{0}, mapped_bytes{0};
  Counter unmaps{0}, unmapped_bytes{0};
  Counter commits{0}, commit_refused{0}, committed_bytes{0};
  Counter purges{0}, purge_refused{0}, purged_bytes{0};
  Counter populates{0}, populate_refused{0}, populated_bytes{0};
  Counter huge_advices{0}, huge_refused{0};
  Counter remaps{0}, remap_refused{0}, remapped_bytes{0};
  Counter barriers{0}, barrier_refused{0};
  Counter threads{0}, thread_refused{0};
};

struct CounterName {
  std::string_view name;
  Counter Counters::*where;
};

inline constexpr CounterName kCounterNames[] = {
    // in the order of the struct
    {"maps", &Counters::maps},
    {"maps_refused", &Counters::maps_refused},
    {"maps_occupied", &Counters::maps_occupied},
    {"mapped_bytes", &Counters::mapped_bytes},
    {"unmaps", &Counters::unmaps},
    {"unmapped_bytes", &Counters::unmapped_bytes},
    {"commits", &Counters::commits},
    {"commit_refused", &Counters::commit_refused},
    {"committed_bytes", &Counters::committed_bytes},
    {"purges", &Counters::purges},
    {"purge_refused", &Counters::purge_refused},
    {"purged_bytes", &Counters::purged_bytes},
    {"populates", &Counters::populates},
    {"populate_refused", &Counters::populate_refused},
    {"populated_bytes", &Counters::populated_bytes},
    {"huge_advices", &Counters::huge_advices},
    {"huge_refused", &Counters::huge_refused},
    {"remaps", &Counters::remaps},
    {"remap_refused", &Counters::remap_refused},
    {"remapped_bytes", &Counters::remapped_bytes},
    {"barriers", &Counters::barriers},
    {"barrier_refused", &Counters::barrier_refused},
    {"threads", &Counters::threads},
    {"thread_refused", &Counters::thread_refused},
};
static_assert(sizeof(Counters) == sizeof(Counter) * (sizeof kCounterNames / sizeof kCounterNames[0]),
              "every counter has its name");

extern constinit Counters g_counters;

inline void count(Counter& counter, uint64_t n = 1) { counter.fetch_add(n, std::memory_order_relaxed); }

/// The value now.
inline uint64_t read(Counter Counters::*where) { return (g_counters.*where).load(std::memory_order_relaxed); }

}  // namespace hak::os
