// A small generator whose sequence is fixed for ever, so that a seed in a report reproduces a run on any machine.
// (std's distributions differ between libraries.) Source: splitmix64, Steele, Lea, Flood 2014.
#pragma once

#include <cstdint>

namespace hak::test {

struct Random {
  uint64_t state;

  explicit constexpr Random(uint64_t seed) : state(seed) {}

  constexpr uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, n); 0 < n < 2^40.
  constexpr uint64_t below(uint64_t n) { return (next() >> 16) % n; }  // n far below 2^48: the bias is nothing here

  /// Uniform in [least, most].
  constexpr uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }

  constexpr bool one_in(uint64_t n) { return below(n) == 0; }
};

}  // namespace hak::test
