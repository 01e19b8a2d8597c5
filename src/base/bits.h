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
  uint32_t mask = 0;
  for (unsigned i = 0; i < 32; i += step) mask |= 1u << i;
  return mask;
}

}  // namespace hak
