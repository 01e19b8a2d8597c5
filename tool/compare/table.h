// What a comparison found, as text for 80 columns.
#pragma once

#include <string>

#include "compare/session.h"

namespace tool {

std::string table(const Plan& plan, const Comparison& comparison);

/// The line that shows how far it is. At most 78 characters.
std::string progress_line(const Plan& plan, const Position& position);

/// faster, slower, less, more, fewer; "same within noise"; "" where there is too little to tell.
std::string verdict_text(const Measure& measure, Verdict verdict);

}  // namespace tool
