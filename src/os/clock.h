// The time, as cheap as the kernel gives it. Called by decay, statistics and measurements.
#pragma once

#include <cstdint>

namespace hak::os {

/// Nanoseconds since some fixed moment; never goes back. About 20 to 50 ns. Keeps errno. Threads: any;
/// async-signal-safe. Source: clock_gettime(2), CLOCK_MONOTONIC, by the vdso.
uint64_t now_ns();

/// Milliseconds since the same moment, as of the last timer tick (1 to 10 ms ago). About 5 ns. Otherwise as now_ns().
/// Source: CLOCK_MONOTONIC_COARSE.
uint64_t coarse_ms();

/// `ms` before `now_ms`, or the beginning of time: the machine may have started later than that.
inline uint64_t ms_before(uint64_t now_ms, uint64_t ms) { return now_ms > ms ? now_ms - ms : 0; }

}  // namespace hak::os
