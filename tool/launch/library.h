// Where libhakmem.so and other libraries are, and whether the loader will take them.
#pragma once

#include <string>

namespace tool {

/// Absolute path of the library to preload: `wanted` if it isn't empty, else $HAKMEM_LIB, else the one that belongs to
/// this command: beside it (build tree) or in the lib folder of the same prefix (installed).
/// Throws Failure(kOwnFailure) where there is none or it can't be preloaded.
std::string find_library(const std::string& wanted);

/// Absolute path of the library of that file name that belongs to this command.
/// Throws Failure(kOwnFailure) where there is none.
std::string own_library(const std::string& name);

/// What keeps the loader from preloading the library at `path`, or empty.
std::string why_not_preloadable(const std::string& path);

/// LD_PRELOAD with `library` in front of what is there already.
std::string with_preload(const std::string& library, const char* before);

}  // namespace tool
