// The words that all printed forms use for tiers and stages: one list each, by the enums of hakmem.h.
#pragma once

#include <cstddef>
#include <string_view>

#include "hakmem/hakmem.h"

namespace hak::print {

inline constexpr std::string_view kTierNames[] = {"all", "tiny", "mid", "large", "big"};
constexpr size_t kTierCount = sizeof kTierNames / sizeof kTierNames[0];
static_assert(kTierCount == HAKMEM_TIER_BIG + 1);
static_assert(sizeof(hakmem_statistics::tiers) == kTierCount * sizeof(hakmem_class_stats));

inline constexpr std::string_view kStageNames[] = {"inbox", "freed",     "bump",   "partial", "empty",
                                                   "units", "superslab", "shared", "site",    "steal"};
static_assert(sizeof kStageNames / sizeof kStageNames[0] == HAKMEM_STAGES);
static_assert(HAKMEM_STAGE_STEAL + 1 == HAKMEM_STAGES);

/// The name of a tier of a class; "none" for a number that no tier has.
constexpr std::string_view tier_name(uint32_t tier) {
  return tier >= 1 && tier < kTierCount ? kTierNames[tier] : std::string_view("none");
}

/// The classes that the struct holds, never more than it has room for.
constexpr uint32_t class_count(const hakmem_statistics& stats) {
  return stats.class_count < HAKMEM_CLASSES_MAX ? stats.class_count : uint32_t{HAKMEM_CLASSES_MAX};
}

}  // namespace hak::print
