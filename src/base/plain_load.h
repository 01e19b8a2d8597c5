// Reads of atomics on the fast paths. g++ 12 never folds an atomic load into the instruction that uses its value, which
// costs an instruction and a register for each. A plain load of an aligned word is the same read in every other respect
// on the machines we know; sanitizers see the atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/sanitizer.h"

namespace hak {

constexpr bool kAtomicLoads = kThreadSanitizer;  // or it reports what is meant

/// A relaxed load of a word whose value is used once.
template <class T>
[[gnu::always_inline]] inline T plain_load(const std::atomic<T>& word) {
  static_assert(sizeof(T) == sizeof(word) && sizeof(T) <= sizeof(void*));
  if constexpr (kAtomicLoads) return word.load(std::memory_order_relaxed);
  using Plain [[gnu::may_alias]] = T;
  return *reinterpret_cast<const Plain*>(&word);
}

/// Makes the plain_load() of `word` before it an acquire. On x86-64 every load is one, and only the compiler is to
/// know.
template <class T>
[[gnu::always_inline]] inline void acquire_loaded(const std::atomic<T>& word) {
#if defined(__x86_64__)
  if constexpr (!kAtomicLoads) return std::atomic_signal_fence(std::memory_order_acquire);
#endif
  static_cast<void>(word.load(std::memory_order_acquire));
}

}  // namespace hak
