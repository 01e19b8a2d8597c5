// src/ without api/, beside the process's own malloc: so that address and thread sanitizers see the allocator's code at
// work, and its invariants can be walked.
#include <cerrno>

#include "base/sanitizer.h"
#include "heap/allocate.h"
#include "heap/blocks.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/statistics.h"
#include "model/functions.h"

namespace hak::test {

namespace {

void* zeroed_product(size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes)) return allocate_zeroed(bytes);
  errno = ENOMEM;
  return nullptr;
}

int stats(hakmem_statistics* out, size_t) {
  collect_statistics(out);
  return 0;
}

size_t purge(size_t keep) { return start_process() ? reclaim(Bytes{keep}).n : 0; }

}  // namespace

void* call_malloc(size_t n) { return allocate(n); }
void* call_calloc(size_t n) { return zeroed_product(n, 1); }

void* call_realloc(void* p, size_t n) {
  if (p == nullptr) return allocate(n);
  if (n != 0) return reallocate(p, n);
  free_fast(p);
  return nullptr;
}

void* call_reallocarray(void* p, size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes)) return call_realloc(p, bytes);
  errno = ENOMEM;
  return nullptr;
}

void* call_memalign(size_t a, size_t n) { return allocate_aligned(a, n); }
void* call_aligned_alloc(size_t a, size_t n) { return allocate_aligned(a, n); }
void* call_posix_memalign(size_t a, size_t n) { return allocate_aligned(a, n); }
void* call_valloc(size_t n) { return allocate_aligned(4096, n); }
void* call_pvalloc(size_t n) {
  return n > SIZE_MAX - 4095 ? call_reallocarray(nullptr, n, n) : allocate_aligned(4096, (n + 4095) & ~size_t{4095});
}
void* call_new(size_t n) { return allocate(n); }
void* call_new_array(size_t n) { return allocate(n); }
void* call_new_nothrow(size_t n) { return allocate(n); }
void* call_new_aligned(size_t a, size_t n) { return allocate_aligned(a, n); }

void call_free(void* p, Family family, size_t a) {
  if (family == Family::new_aligned) return free_with_alignment(p, a);
  free_fast(p);
}

void call_free_sized(void* p, Family family, size_t n, size_t a) {
  switch (family) {
    case Family::c:
    case Family::c_aligned:
      return free_with_size(p, n);
    case Family::c_other:
      return free_fast(p);
    case Family::new_plain:
    case Family::new_array:
      return free_sized_fast(p, n);
    case Family::new_aligned:
      return free_with_alignment(p, a);
  }
}

size_t call_usable_size(void* p) { return usable_size(p); }
void call_trim() { purge(0); }

void call_reports() {
  static thread_local hakmem_statistics out;
  collect_statistics(&out);
}

hakmem_block (*find_block_info())(const void*) { return inspect; }
int (*find_stats())(hakmem_statistics*, size_t) { return stats; }
size_t (*find_purge())(size_t) { return purge; }
const char* broken_rule() { return broken_heap_rule(); }
bool under_thread_sanitizer() { return kThreadSanitizer; }

}  // namespace hak::test
