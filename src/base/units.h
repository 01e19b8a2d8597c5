// The quantities that everything is measured in, one type each, and the sizes that shape the window.
// Used by all of src/. A type costs nothing and keeps bytes, units and indexes from being mixed up.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace hak {

constexpr unsigned kUnitShift = 16;
constexpr size_t kUnitBytes = size_t{1} << kUnitShift;  // 64 KiB, the granule of the page map
constexpr unsigned kSuperShift = 21;
constexpr size_t kSuperBytes = size_t{1} << kSuperShift;  // 2 MiB, one huge page
constexpr unsigned kSuperUnits = kSuperBytes / kUnitBytes;
static_assert(kSuperUnits == 32, "a SuperSlab's units fit a 32-bit mask");

constexpr unsigned kPageShift = 12;
constexpr uint32_t kPageBytes =
    1u << kPageShift;  // that layouts are made for; the system's may be larger: os::page_size()

constexpr size_t kCacheLine = 64;
constexpr size_t kMinAlign = 16;

template <class Tag>
struct Quantity {
  uint64_t n = 0;
  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator+(Quantity o) const { return {n + o.n}; }
  constexpr Quantity operator-(Quantity o) const { return {n - o.n}; }
  constexpr Quantity& operator+=(Quantity o) {
    n += o.n;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    n -= o.n;
    return *this;
  }
};

using Bytes = Quantity<struct BytesTag>;
using Units = Quantity<struct UnitsTag>;  // runs of 64 KiB

constexpr Units units_ceil(Bytes b) { return {(b.n >> kUnitShift) + ((b.n & (kUnitBytes - 1)) != 0)}; }
constexpr Bytes bytes(Units u) { return {u.n << kUnitShift}; }
static_assert(units_ceil({65'537}) == Units{2} && units_ceil({65'536}) == Units{1} && units_ceil({0}) == Units{0});

constexpr uint64_t round_up(uint64_t n, uint64_t power_of_two) { return (n + power_of_two - 1) & ~(power_of_two - 1); }
constexpr uint64_t round_down(uint64_t n, uint64_t power_of_two) { return n & ~(power_of_two - 1); }
constexpr bool is_power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

}  // namespace hak
