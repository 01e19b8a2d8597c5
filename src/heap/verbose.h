// HAKMEM_VERBOSE: what the process found and chose, some lines on stderr.
#pragma once

namespace hak {

/// Prints it. Called once, at the start of the process, when all of it is known.
[[gnu::cold]] void say_what_was_found();

}  // namespace hak
