// What the kernel was asked for a place in the window.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "map/window.h"

namespace hak::map {

/// Whether the mapping that a unit lies in has the flag. Source: proc(5), VmFlags of smaps: hg huge pages, nh none.
inline bool has_mapping_flag(uint32_t unit, const std::string& flag) {
  const auto at = reinterpret_cast<uintptr_t>(address_of(unit));
  std::ifstream smaps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find('-') < line.find(' ')) {
      char* end = nullptr;
      const uintptr_t from = strtoull(line.c_str(), &end, 16);
      here = at >= from && at < strtoull(end + 1, nullptr, 16);
    } else if (here && line.starts_with("VmFlags:")) {
      return line.find(" " + flag) != std::string::npos;
    }
  }
  return false;
}

}  // namespace hak::map
