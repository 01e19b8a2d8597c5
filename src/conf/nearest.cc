#include "conf/nearest.h"

#include <cstdint>

#include "base/scan.h"
#include "conf/options.h"

namespace hak::conf {

namespace {

constexpr size_t clip(size_t n) { return n < kNameMost ? n : kNameMost; }
constexpr size_t least(size_t a, size_t b) { return a < b ? a : b; }

}  // namespace

// Optimal string alignment: row i holds the distances of a's first i letters from all beginnings of b.
size_t edit_distance(std::string_view a, std::string_view b) {
  size_t rows[3][kNameMost + 1];
  size_t* before = rows[0];
  size_t* last = rows[1];
  size_t* row = rows[2];
  const size_t width = clip(b.size());
  for (size_t j = 0; j <= width; ++j) last[j] = j;
  for (size_t i = 1; i <= clip(a.size()); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= width; ++j) {
      const char from = lower(a[i - 1]);
      const char to = lower(b[j - 1]);
      row[j] = least(last[j - 1] + (from != to), least(last[j], row[j - 1]) + 1);
      const bool swapped = i > 1 && j > 1 && from == lower(b[j - 2]) && lower(a[i - 2]) == to;
      if (swapped) row[j] = least(row[j], before[j - 2] + 1);
    }
    size_t* const oldest = before;
    before = last;
    last = row;
    row = oldest;
  }
  return last[width];
}

std::string_view nearest_name(std::string_view name) {
  std::string_view nearest;
  size_t nearest_distance = clip(name.size()) / 2 + 1;
  const auto look_at = [&](std::string_view candidate) {
    const size_t distance = edit_distance(name, candidate);
    if (distance >= nearest_distance) return;
    nearest = candidate;
    nearest_distance = distance;
  };
  for (const Option& option : kOptions) look_at(option.name);
  for (const OtherVariable& other : kOtherVariables) look_at(other.name);
  return nearest;
}

}  // namespace hak::conf
