// What the model calls: the standard interface of the process (standard_functions.cc), or src/ without api/
// (core_functions.cc), which sanitizers can live with.
#pragma once

#include <hakmem/hakmem.h>

#include <cstddef>
#include <cstdint>

namespace hak::test {

/// How a block was made, so that it is freed as it should be.
enum class Family : uint8_t {
  c,          // malloc, calloc, realloc: C23 has free_sized for them
  c_aligned,  // aligned_alloc: free_aligned_sized
  c_other,    // memalign and kin: free alone
  new_plain,
  new_array,
  new_aligned,
};

/// Failure is null with errno = ENOMEM; operator new's exceptions are turned into that.
void* call_malloc(size_t bytes);
void* call_calloc(size_t bytes);
void* call_realloc(void* block, size_t bytes);
void* call_reallocarray(void* block, size_t count, size_t size);
void* call_memalign(size_t alignment, size_t bytes);
void* call_aligned_alloc(size_t alignment, size_t bytes);
void* call_posix_memalign(size_t alignment, size_t bytes);
void* call_valloc(size_t bytes);
void* call_pvalloc(size_t bytes);
void* call_new(size_t bytes);
void* call_new_array(size_t bytes);
void* call_new_nothrow(size_t bytes);
void* call_new_aligned(size_t alignment, size_t bytes);

void call_free(void* block, Family family, size_t alignment);
void call_free_sized(void* block, Family family, size_t bytes, size_t alignment);

size_t call_usable_size(void* block);
void call_trim();
void call_reports();  // everything that reads counters

/// hakmem's own, null where the allocator is another.
hakmem_block (*find_block_info())(const void*);
int (*find_stats())(hakmem_statistics*, size_t);
size_t (*find_purge())(size_t);

/// What the calls did to blocks of one class. A free is local where the heap that owns the block is the thread's own.
struct Calls {
  uint64_t allocations, frees_local, frees_remote;
};
/// Fills in what all calls did since the process began, by the HAKMEM_CLASSES_MAX classes; for a moment at which nobody
/// calls. False where that isn't known: only where the model is linked with src/ all calls are its own, and owners are
/// seen.
bool read_calls(Calls* classes);

/// The invariant that doesn't hold, as a sentence, or null; only where the model is linked with src/.
const char* broken_rule();

/// Whether the thread sanitizer looks on.
bool under_thread_sanitizer();

}  // namespace hak::test
