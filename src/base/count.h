// Counts that one thread at a time changes, its owner or who holds a lock, and others read.
#pragma once

#include <atomic>
#include <cstdint>

namespace hak {

/// Adds `n`, or with a negative one takes away, without an atomic addition; returns the sum. Readers see each value whole.
template <class T>
T add_alone(std::atomic<T>& count, int64_t n) {
  const T sum = static_cast<T>(count.load(std::memory_order_relaxed) + static_cast<T>(n));
  count.store(sum, std::memory_order_relaxed);
  return sum;
}

}  // namespace hak
