// Which allocator serves this process, and hakmem's own API where hakmem does. Used by every program in test/ that
// runs on more than one allocator: preloaded, linked statically (HAK_TEST_LINKED=1), or on glibc's own malloc, which
// proves that what a test expects is what glibc does.
#pragma once

#include <hakmem/hakmem.h>

#include <cstddef>

namespace hak::test {

struct HakmemApi {
  decltype(&hakmem_version) version;
  decltype(&hakmem_block_info) block_info;
  decltype(&hakmem_purge) purge;
  decltype(&hakmem_good_size) good_size;
  decltype(&hakmem_stats) stats;
  decltype(&hakmem_stats_json) stats_json;
};

/// hakmem's API, or null when another allocator serves the process. The first call may allocate (dlsym).
const HakmemApi* hakmem();

/// The file that `malloc` comes from, as the loader names it. Static storage.
const char* malloc_origin();

inline bool is_hakmem() { return hakmem() != nullptr; }

/// True where malloc is glibc's own.
bool is_glibc();

/// Compares what HAK_TEST_ALLOCATOR (hakmem, glibc, any) asks for with what is there. Returns null when it fits,
/// otherwise what is wrong, as a sentence: so that no test can pass on the wrong library.
const char* wrong_allocator();

/// A function by name in whatever serves the process; null when there is none (cfree, free_sized on glibc 2.36).
void* find_function(const char* name);

}  // namespace hak::test
