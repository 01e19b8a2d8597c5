// Which malloc serves this process: asked of the loaded process itself, so that no figure is taken on the wrong one.
#pragma once

#include <string>

namespace hak::bench {

struct Allocator {
  std::string name;     // hakmem, glibc, mimalloc, jemalloc, tcmalloc, tbbmalloc, ...; else after its file: limit
  std::string version;  // as the library says; empty where it doesn't
  std::string path;     // the file that malloc is in, links followed
};

/// The allocator in use. malloc, calloc, realloc and free have to be one library's: `mixed` says that they aren't,
/// and is empty otherwise.
Allocator allocator_in_use(std::string& mixed);

/// Whether it is the expected one: a name, or a path when there is a '/' in it.
bool is_expected(const Allocator& allocator, const std::string& expected);

}  // namespace hak::bench
