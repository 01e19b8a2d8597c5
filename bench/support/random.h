// Random numbers and random block sizes whose sequence is fixed: a seed in a result line reproduces the load anywhere.
// Sources: splitmix64 (Steele, Lea, Flood 2014); bounded numbers without division (Lemire 2019).
#pragma once

#include <bit>
#include <cstdint>

namespace hak::bench {

struct Random {
  uint64_t state;

  explicit constexpr Random(uint64_t seed) : state(seed) {}

  constexpr uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, n); 0 < n < 2^32.
  constexpr uint64_t below(uint64_t n) { return ((next() >> 32) * n) >> 32; }

  /// Uniform in [0, 1).
  constexpr double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
};

/// How often a size of a range is asked for.
enum class Spread {
  even,   // each size as often as another
  log,    // each doubling as often as another
  heavy,  // each doubling with as many bytes as another: mostly small blocks (Pareto, alpha = 1)
};

struct Sizes {
  uint64_t least = 0, most = 0;
  Spread spread = Spread::even;

  uint64_t pick(Random& random) const {
    if (least == most) return least;
    switch (spread) {
      case Spread::even:
        return least + random.below(most - least + 1);
      case Spread::log: {
        // 2^(whole + part) is taken as 2^whole * (1 + part): straight lines between the powers of two
        const double ratio = static_cast<double>(most) / static_cast<double>(least);
        const int doublings = static_cast<int>(std::bit_width(most / least)) - 1;
        const double whole_power = static_cast<double>(uint64_t{1} << doublings);
        const double exponent = random.fraction() * (doublings + ratio / whole_power - 1);
        const int whole = static_cast<int>(exponent);
        return static_cast<uint64_t>(static_cast<double>(least << whole) * (1 + exponent - whole));
      }
      case Spread::heavy: {
        const double low = 1 / static_cast<double>(least), high = 1 / static_cast<double>(most);
        return static_cast<uint64_t>(1 / (low - random.fraction() * (low - high)));
      }
    }
    return least;
  }
};

}  // namespace hak::bench
