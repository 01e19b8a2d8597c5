// Arithmetic on masks: runs of set bits. No state; used by map/ to find consecutive units.
#pragma once

#include <bit>
#include <cstdint>

namespace hak {

// The positions at which a run of at least `length` (1 to 32) set bits of `mask` begins.
constexpr uint32_t run_starts(uint32_t mask, unsigned length) {
  for (unsigned have = 1; have < length;) {
    const unsigned step = have < length - have ? have : length - have;
    mask &= mask >> step;
    have += step;
  }
  return mask;
}
static_assert(run_starts(0b1110'1100, 2) == 0b0110'0100 && run_starts(0b1110'1100, 3) == 0b0010'0000);
static_assert(run_starts(~0u, 32) == 1 && run_starts(~0u >> 1, 32) == 0);

// `length` (0 to 32) set bits from bit `first` on.
constexpr uint32_t bit_run(unsigned first, unsigned length) {
  return static_cast<uint32_t>(((uint64_t{1} << length) - 1) << first);
}
static_assert(bit_run(0, 32) == ~0u && bit_run(30, 2) == 0xC000'0000 && bit_run(5, 0) == 0);

// Every `step`-th bit, from bit 0 on: where a run of units aligned to `step` (a power of two, up to 32) may begin.
constexpr uint32_t every(unsigned step) {
  constexpr uint32_t kMasks[] = {~0u, 0x5555'5555, 0x1111'1111, 0x0101'0101, 0x0001'0001, 1};
  return kMasks[std::countr_zero(step)];
}
static_assert(every(1) == ~0u && every(8) == 0x0101'0101 && every(32) == 1);

// std::popcount without a call: the processors that hakmem is built for needn't have the instruction. (Hacker's Delight,
// H. S. Warren, chapter 5.)
constexpr unsigned bits_set(uint32_t mask) {
  mask -= mask >> 1 & 0x5555'5555;
  mask = (mask & 0x3333'3333) + (mask >> 2 & 0x3333'3333);
  mask = (mask + (mask >> 4)) & 0x0F0F'0F0F;
  return mask * 0x0101'0101 >> 24;
}
static_assert(bits_set(0) == 0 && bits_set(~0u) == 32 && bits_set(0x8000'0001) == 2);

}  // namespace hak
