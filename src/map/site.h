// Sites: who asks. The return address of the allocating call, as far as the shared pools need to tell callers apart.
// Called by all who allocate or keep spans. Attribution proper (src/site/) comes later.
#pragma once

#include <cstdint>

namespace hak {

using Site = uintptr_t;  // 0: not known

constexpr unsigned kSiteSlots = 64;  // what is kept by site is kept in so many places, one bit each in a 64-bit mask

/// The slot of a site, 0 to 63. Source: Fibonacci hashing (Knuth, TAOCP 6.4).
constexpr unsigned slot_of(Site site) { return static_cast<unsigned>((site * 0x9E3779B97F4A7C15u) >> 58); }

}  // namespace hak
