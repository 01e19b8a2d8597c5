// Contents by which a block can be told from every other: each word depends on the block's number and on its place.
// Blocks above 64 KiB are written and checked only at both ends and once per page, those above 1 MiB in every eighth
// page (which ones depends on the number), or a test would be all page faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hak::test {

constexpr size_t kPatternWhole = size_t{64} << 10;
constexpr size_t kPatternPages = size_t{1} << 20;
constexpr size_t kPatternPage = 4096;
constexpr size_t kPatternEnd = 64;

inline uint64_t pattern_word(uint64_t number, size_t offset) {
  uint64_t z = number * 0x9E3779B97F4A7C15u + offset;
  z = (z ^ (z >> 29)) * 0xBF58476D1CE4E5B9u;
  return z ^ (z >> 32);
}

/// Calls visit(offset, bytes) for each piece of [from, to) that carries the pattern; pieces are at most 8 bytes and do
/// not cross a multiple of 8. Which pieces these are depends only on the block's size and number.
template <class Visit>
inline void for_pattern(size_t bytes, uint64_t number, Visit visit) {
  const auto words = [&](size_t from, size_t to) {
    for (size_t at = from; at < to; at += 8) visit(at, to - at < 8 ? to - at : size_t{8});
  };
  if (bytes <= kPatternWhole) return words(0, bytes);
  words(0, kPatternEnd);
  const size_t step = bytes <= kPatternPages ? 1 : 8;
  for (size_t page = step == 1 ? 1 : number % step; page * kPatternPage + 8 <= bytes; page += step)
    visit(page * kPatternPage, 8);
  words((bytes - kPatternEnd) & ~size_t{7}, bytes);
}

inline void fill_pattern(void* block, size_t bytes, uint64_t number) {
  char* const at = static_cast<char*>(block);
  for_pattern(bytes, number, [&](size_t offset, size_t n) {
    const uint64_t word = pattern_word(number, offset);
    memcpy(at + offset, &word, n);
  });
}

constexpr size_t kPatternKept = ~size_t{0};

/// The first offset below `limit` at which the block (filled as `bytes` long) differs, or kPatternKept.
inline size_t find_broken_pattern(const void* block, size_t bytes, uint64_t number, size_t limit) {
  const char* const at = static_cast<const char*>(block);
  size_t broken = kPatternKept;
  for_pattern(bytes, number, [&](size_t offset, size_t n) {
    if (offset >= limit || broken != kPatternKept) return;
    const uint64_t word = pattern_word(number, offset);
    if (memcmp(at + offset, &word, offset + n > limit ? limit - offset : n) != 0) broken = offset;
  });
  return broken;
}

/// The first byte that is not zero, or kPatternKept.
inline size_t find_nonzero(const void* block, size_t bytes) {
  const unsigned char* const at = static_cast<const unsigned char*>(block);
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t word;
    memcpy(&word, at + i, 8);
    if (word != 0) break;
  }
  for (; i < bytes; i++)
    if (at[i] != 0) return i;
  return kPatternKept;
}

}  // namespace hak::test
