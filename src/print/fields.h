// The fields of hakmem_statistics by name: one list each for classes and for the system, from which JSON (and a test
// that nothing is forgotten) comes.
#pragma once

#include <cstddef>
#include <string_view>

#include "hakmem/hakmem.h"

namespace hak::print {

static_assert(sizeof(size_t) == sizeof(uint64_t));  // so that both kinds of fields are of one type

struct ClassField {
  std::string_view name;
  uint64_t hakmem_class_stats::*where;
};

inline constexpr ClassField kClassFields[] = {
    {"block_size", &hakmem_class_stats::block_size},
    {"live_blocks", &hakmem_class_stats::live_blocks},
    {"live_bytes", &hakmem_class_stats::live_bytes},
    {"peak_blocks", &hakmem_class_stats::peak_blocks},
    {"allocations", &hakmem_class_stats::allocations},
    {"hits", &hakmem_class_stats::hits},
    {"misses", &hakmem_class_stats::misses},
    {"frees", &hakmem_class_stats::frees},
    {"frees_local", &hakmem_class_stats::frees_local},
    {"frees_remote", &hakmem_class_stats::frees_remote},
    {"slabs", &hakmem_class_stats::slabs},
    {"held_bytes", &hakmem_class_stats::held_bytes},
};
constexpr size_t kClassFieldCount = sizeof kClassFields / sizeof kClassFields[0];
static_assert(sizeof(hakmem_class_stats) ==
                  2 * sizeof(uint32_t) + (kClassFieldCount + HAKMEM_STAGES) * sizeof(uint64_t),
              "every field but tier and refills is in kClassFields");

struct OsField {
  std::string_view name;
  uint64_t hakmem_os_stats::*where;
};

inline constexpr OsField kOsFields[] = {
    {"window_bytes", &hakmem_os_stats::window_bytes},
    {"claimed_bytes", &hakmem_os_stats::claimed_bytes},
    {"metadata_bytes", &hakmem_os_stats::metadata_bytes},
    {"free_clean_bytes", &hakmem_os_stats::free_clean_bytes},
    {"free_dirty_bytes", &hakmem_os_stats::free_dirty_bytes},
    {"in_use_bytes", &hakmem_os_stats::in_use_bytes},
    {"kept_bytes", &hakmem_os_stats::kept_bytes},
    {"sparse_bytes", &hakmem_os_stats::sparse_bytes},
    {"overshoot_bytes", &hakmem_os_stats::overshoot_bytes},
    {"maps", &hakmem_os_stats::maps},
    {"maps_refused", &hakmem_os_stats::maps_refused},
    {"purges", &hakmem_os_stats::purges},
    {"purge_refused", &hakmem_os_stats::purge_refused},
    {"purged_bytes", &hakmem_os_stats::purged_bytes},
    {"populates", &hakmem_os_stats::populates},
    {"populate_refused", &hakmem_os_stats::populate_refused},
    {"populated_bytes", &hakmem_os_stats::populated_bytes},
    {"huge_advices", &hakmem_os_stats::huge_advices},
    {"huge_refused", &hakmem_os_stats::huge_refused},
    {"remaps", &hakmem_os_stats::remaps},
    {"remap_refused", &hakmem_os_stats::remap_refused},
    {"heaps", &hakmem_os_stats::heaps},
    {"heaps_parked", &hakmem_os_stats::heaps_parked},
    {"reused_bytes", &hakmem_os_stats::reused_bytes},
    {"dropped_unkept_bytes", &hakmem_os_stats::dropped_unkept_bytes},
    {"dropped_late_bytes", &hakmem_os_stats::dropped_late_bytes},
    {"dropped_idle_bytes", &hakmem_os_stats::dropped_idle_bytes},
    {"dropped_wanted_bytes", &hakmem_os_stats::dropped_wanted_bytes},
    {"early_returns", &hakmem_os_stats::early_returns},
};
constexpr size_t kOsFieldCount = sizeof kOsFields / sizeof kOsFields[0];
static_assert(sizeof(hakmem_os_stats) == kOsFieldCount * sizeof(uint64_t), "every field is in kOsFields");

}  // namespace hak::print
