// The size classes of the tiny and mid tiers: which class serves a size, and how a slab of the class is cut.
// One constexpr table; the static_asserts below it are its proof. No state.
//
//   tiny   classes 0 to 64, steps of 16 bytes: class = ceil(size / 16). Class 0 serves zero-size requests with a
//          16-byte block, so that the fast path needs no test for them.
//   mid    8 classes per doubling, from 1152 to 61440 bytes: at most 1/9 of a block is lost to rounding.
//
// Every class size above 16 is a multiple of 16 and a slab begins on a unit, so powers of two are naturally aligned.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hak {

constexpr size_t kTinyMax = 1024;
constexpr size_t kMidMax = 61'440;
constexpr unsigned kTinyShift = 4;
constexpr unsigned kTinyClasses = (kTinyMax >> kTinyShift) + 1;
constexpr unsigned kMidClasses = 47;
constexpr unsigned kClasses = kTinyClasses + kMidClasses;

struct SizeClass {
  uint32_t block_bytes;
  uint32_t reciprocal;  // of the block size in granules of 16 bytes, as a fraction of 2^31: see block_index()
  uint16_t blocks;      // blocks of a slab
  uint8_t units;        // units of a slab
};

constexpr size_t tiny_class(size_t size) { return (size + 15) >> kTinyShift; }

// The class of a size in (1024, 61440], by arithmetic; mid_class() looks it up.
constexpr unsigned mid_class_computed(size_t size) {
  const unsigned log = static_cast<unsigned>(std::bit_width(size - 1)) - 1;
  return kTinyClasses + (log - 10) * 8 + static_cast<unsigned>(((size - 1) >> (log - 3)) & 7);
}

namespace detail {

constexpr uint32_t block_bytes(unsigned c) {
  if (c < kTinyClasses) return c == 0 ? 16 : c * 16;
  const unsigned step = c - kTinyClasses;
  return (9 + step % 8) << (step / 8 + 7);
}

// Smallest slab with enough blocks that a refill and two events are shared by many, of which at most 1/16 is no block.
constexpr unsigned slab_units(uint32_t block) {
  const uint32_t least = block <= 20'480 ? 20 : 8;
  for (unsigned units = 1;; units++) {
    const uint32_t span = units << kUnitShift;
    if (span / block >= least && (span % block) * 16 <= span) return units;
  }
}

constexpr SizeClass describe(unsigned c) {
  const uint32_t block = block_bytes(c);
  const unsigned units = slab_units(block);
  const uint32_t blocks = (units << kUnitShift) / block;
  return {block, static_cast<uint32_t>(((uint64_t{1} << 31) + block / 16 - 1) / (block / 16)),
          static_cast<uint16_t>(blocks), static_cast<uint8_t>(units)};
}

struct Table {
  SizeClass of[kClasses];
  uint8_t mid[(kMidMax >> 7) + 1];  // class by size in steps of 128 bytes, rounded up
  constexpr Table() : of{}, mid{} {
    for (unsigned c = 0; c < kClasses; c++) of[c] = describe(c);
    for (size_t i = 0; i <= kMidMax >> 7; i++)
      mid[i] = static_cast<uint8_t>(i << 7 > kTinyMax ? mid_class_computed(i << 7) : kTinyClasses);
  }
};

}  // namespace detail

inline constexpr detail::Table kSizeClasses{};

constexpr const SizeClass& size_class(unsigned c) { return kSizeClasses.of[c]; }

// The class of a size in (1024, 61440]. All mid sizes are multiples of 128, so a table in steps of 128 is exact.
constexpr unsigned mid_class(size_t size) { return kSizeClasses.mid[(size + 127) >> 7]; }

constexpr unsigned class_of(size_t size) {
  return size <= kTinyMax ? static_cast<unsigned>(tiny_class(size)) : mid_class(size);
}

// Which block of its slab the byte at `offset` belongs to; the division by the block size as a multiplication.
constexpr uint32_t block_index(uint32_t reciprocal, uint32_t offset) {
  return static_cast<uint32_t>((uint64_t{offset >> kTinyShift} * reciprocal) >> 31);
}

constexpr unsigned kMaxSlabUnits = [] {
  unsigned most = 0;
  for (unsigned c = 0; c < kClasses; c++) most = kSizeClasses.of[c].units > most ? kSizeClasses.of[c].units : most;
  return most;
}();

namespace detail {

constexpr bool sizes_fit_their_class() {
  for (size_t n = 1; n <= kMidMax; n++) {
    const uint32_t block = size_class(class_of(n)).block_bytes;
    if (block < n) return false;
    if (n > 16 && block > 16 && size_class(class_of(n) - 1).block_bytes >= n) return false;
    if (n > 128 && (block - n) * 8 > block) return false;  // internal waste at most 12.5 %
    if (n >= 16 && (n & (n - 1)) == 0 && block != n) return false;
  }
  return true;
}

constexpr bool reciprocals_are_exact() {
  for (unsigned c = 0; c < kClasses; c++) {
    const SizeClass& k = size_class(c);
    for (uint32_t i = 0; i < k.blocks; i++) {
      if (block_index(k.reciprocal, i * k.block_bytes) != i) return false;
      if (block_index(k.reciprocal, (i + 1) * k.block_bytes - 1) != i) return false;
    }
    if (block_index(k.reciprocal, uint32_t{k.units} << kUnitShift) < k.blocks) return false;  // fresh_in_page()
  }
  return true;
}

}  // namespace detail

static_assert(size_class(kClasses - 1).block_bytes == kMidMax);
static_assert(kClasses <= 128 && kMaxSlabUnits <= 16);
static_assert(detail::reciprocals_are_exact());
static_assert(tiny_class(0) == 0 && tiny_class(1) == 1 && tiny_class(1024) == 64 && mid_class(1025) == 65);

}  // namespace hak
