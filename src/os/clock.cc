#include "os/clock.h"

#include <time.h>

namespace hak::os {

namespace {

// clock_gettime can't fail for these clocks, so it leaves errno alone.
timespec read_clock(clockid_t clock) {
  timespec t = {};
  clock_gettime(clock, &t);
  return t;
}

}  // namespace

uint64_t now_ns() {
  const timespec t = read_clock(CLOCK_MONOTONIC);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

uint64_t coarse_ms() {
  const timespec t = read_clock(CLOCK_MONOTONIC_COARSE);
  return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
}

}  // namespace hak::os
