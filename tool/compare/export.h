// A comparison for other programs to read: JSON with everything, CSV with one line per run.
#pragma once

#include <string>

#include "compare/session.h"

namespace tool {

/// Its "schema" is "hakmem-compare/1"; docs/compare.md lists the fields.
std::string to_json(const Plan& plan, const Comparison& comparison);

std::string to_csv(const Comparison& comparison);

}  // namespace tool
