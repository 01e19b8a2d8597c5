#include <malloc.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "model/functions.h"
#include "support/allocator.h"
#include "support/opaque.h"

namespace hak::test {

namespace {

template <class New>
void* or_null(New allocate) {
  try {
    return allocate();
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return nullptr;
  }
}

template <class Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(find_function(name));
}

// Looked up before main: threads that wait for each other's look-up come back with another errno.
void (*const free_sized)(void*, size_t) = find<void(void*, size_t)>("free_sized");
void (*const free_aligned_sized)(void*, size_t, size_t) = find<void(void*, size_t, size_t)>("free_aligned_sized");

}  // namespace

void* call_malloc(size_t n) { return malloc(n); }
void* call_calloc(size_t n) { return calloc(n % 8 == 0 ? n / 8 : n, n % 8 == 0 ? 8 : 1); }
void* call_realloc(void* p, size_t n) { return realloc(p, n); }
void* call_reallocarray(void* p, size_t count, size_t size) { return reallocarray(p, count, size); }
void* call_memalign(size_t a, size_t n) { return memalign(a, n); }
void* call_aligned_alloc(size_t a, size_t n) { return aligned_alloc(a, n); }

void* call_posix_memalign(size_t a, size_t n) {
  void* p = nullptr;
  const int error = posix_memalign(&p, a, n);
  if (error != 0) errno = error;
  return p;
}

void* call_valloc(size_t n) { return valloc(n); }
void* call_pvalloc(size_t n) { return pvalloc(n); }

void* call_new(size_t n) {
  return or_null([n] { return ::operator new(n); });
}
void* call_new_array(size_t n) {
  return or_null([n] { return ::operator new[](n); });
}
void* call_new_aligned(size_t a, size_t n) {
  return or_null([a, n] { return ::operator new (n, std::align_val_t{a}); });
}

void* call_new_nothrow(size_t n) {
  void* const p = ::operator new(n, std::nothrow);
  if (p == nullptr) errno = ENOMEM;
  return p;
}

void call_free(void* p, Family family, size_t a) {
  switch (family) {
    case Family::c:
    case Family::c_aligned:
    case Family::c_other:
      return free(p);
    case Family::new_plain:
      return ::operator delete(p);
    case Family::new_array:
      return ::operator delete[](p);
    case Family::new_aligned:
      return ::operator delete (p, std::align_val_t{a});
  }
}

void call_free_sized(void* p, Family family, size_t n, size_t a) {
  switch (family) {
    case Family::c:
      return free_sized != nullptr ? free_sized(p, n) : free(p);
    case Family::c_aligned:
      return free_aligned_sized != nullptr ? free_aligned_sized(p, a, n) : free(p);
    case Family::c_other:
      return free(p);
    case Family::new_plain:
      return ::operator delete(p, n);
    case Family::new_array:
      return ::operator delete[](p, n);
    case Family::new_aligned:
      return ::operator delete (p, n, std::align_val_t{a});
  }
}

size_t call_usable_size(void* p) { return malloc_usable_size(p); }
void call_trim() { malloc_trim(0); }

void call_reports() {
  const struct mallinfo2 info = mallinfo2();
  touch(const_cast<struct mallinfo2*>(&info));
  if (const HakmemApi* const api = hakmem(); api != nullptr) {
    char text[256];
    api->stats_json(text, sizeof text);
  }
}

hakmem_block (*find_block_info())(const void*) { return hakmem() != nullptr ? hakmem()->block_info : nullptr; }
int (*find_stats())(hakmem_statistics*, size_t) { return hakmem() != nullptr ? hakmem()->stats : nullptr; }
size_t (*find_purge())(size_t) { return hakmem() != nullptr ? hakmem()->purge : nullptr; }
bool read_calls(Calls*) { return false; }
const char* broken_rule() { return nullptr; }
bool under_thread_sanitizer() { return false; }

}  // namespace hak::test
