// The program to run: where it is, and whether a preloaded library will reach it.
#pragma once

#include <string>

namespace tool {

/// The file that execvp(3) would execute for `name`: as it is if it has a slash, else through PATH.
/// Throws Failure: kNotFound, or kNotExecutable where only files are found that may not be executed.
std::string find_program(const std::string& name);

/// Follows #! lines (and env(1) in them) to the binary that will be loaded, and throws Failure where the loader would
/// silently run it without the preloaded library, or not at all.
void require_preloadable(const std::string& path);

}  // namespace tool
