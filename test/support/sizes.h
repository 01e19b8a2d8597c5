// The sizes at which allocators go wrong: ends of classes, of tiers and of units, and sizes that no machine can serve.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hak::test {

constexpr size_t kKiB = size_t{1} << 10;
constexpr size_t kMiB = size_t{1} << 20;

/// No allocator on a 64-bit Linux can serve these: user space has 2^47 bytes (2^56 with five levels of tables).
constexpr size_t kAbsurdSizes[] = {
    SIZE_MAX,         SIZE_MAX - 1,     SIZE_MAX - 15,       SIZE_MAX - 16,           SIZE_MAX - 4095,
    SIZE_MAX - 4096,  SIZE_MAX - 65535, SIZE_MAX - 2 * kMiB, PTRDIFF_MAX + size_t{1}, PTRDIFF_MAX,
    PTRDIFF_MAX - 15, PTRDIFF_MAX - 16, PTRDIFF_MAX - 4096,  PTRDIFF_MAX - 65535,     PTRDIFF_MAX - 2 * kMiB,
    size_t{1} << 62,  size_t{1} << 61,  size_t{1} << 57,
};

/// From 0 to `most`, ascending: around each power of two and at eight steps per doubling, each with its neighbours.
inline std::vector<size_t> edge_sizes(size_t most) {
  std::vector<size_t> all;
  const auto add = [&](size_t n) {
    if (n <= most && (all.empty() || n > all.back())) all.push_back(n);
  };
  for (size_t n = 0; n <= 136; n++) add(n);
  for (size_t power = 128; power <= most; power *= 2)
    for (size_t step = 8; step < 16; step++) {
      const size_t n = power / 8 * step;
      add(n - 1);
      add(n);
      add(n + 1);
    }
  return all;
}

/// A few sizes of every tier and of both sides of each border, for tests of all pairs.
inline std::vector<size_t> tier_sizes(size_t most) {
  std::vector<size_t> chosen;
  for (size_t n : {size_t{0},      size_t{1},      size_t{16},      size_t{24},    size_t{64},    size_t{100},
                   size_t{512},    size_t{1024},   size_t{1025},    size_t{3000},  size_t{4096},  size_t{16384},
                   size_t{40000},  size_t{61440},  size_t{61441},   size_t{65536}, size_t{65537}, size_t{131072},
                   size_t{131073}, size_t{300000}, kMiB - 1,        kMiB,          kMiB + 1,      2 * kMiB,
                   2 * kMiB + 1,   3 * kMiB,       5 * kMiB + 4096, 16 * kMiB,     32 * kMiB})
    if (n <= most) chosen.push_back(n);
  return chosen;
}

}  // namespace hak::test
