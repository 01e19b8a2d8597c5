// "Did you mean ...?": the name that a misspelt one is nearest to.
#pragma once

#include <cstddef>
#include <string_view>

namespace hak::conf {

/// How many letters to insert, delete, replace or swap with their neighbour turn `a` into `b`; case doesn't count,
/// nor do bytes after the 31st.
size_t edit_distance(std::string_view a, std::string_view b);

/// The option or other variable nearest to `name`; empty where none is near (more than half of the letters differ).
/// Ties go to the first in the table.
std::string_view nearest_name(std::string_view name);

}  // namespace hak::conf
