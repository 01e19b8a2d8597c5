// Values that the compiler must not see through: it may assume that malloc's sizes are sane, that a freed pointer is
// not compared, and that a pair of new and delete whose block nobody sees needs no call at all.
#pragma once

namespace hak::test {

/// The same number or pointer, about which nothing is known.
template <class T>
[[nodiscard]] inline T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

/// Makes the compiler believe that the bytes behind `p` are read and written here.
inline void touch(void* p) { asm volatile("" : : "r"(p) : "memory"); }

}  // namespace hak::test
