// Every function that allocates, as data: tests run each expectation through all of them.
#pragma once

#include <malloc.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "support/opaque.h"

namespace hak::test {

struct Function {
  const char* name;
  void* (*allocate)(size_t bytes);  // failure: null and errno
  size_t alignment = 16;            // that it promises
};

inline void* posix_memalign_or_errno(size_t alignment, size_t bytes) {
  void* block = nullptr;
  const int error = posix_memalign(&block, alignment, bytes);
  if (error == 0) return block;
  errno = error;
  return nullptr;
}

/// What is freed by free().
inline constexpr Function kCFunctions[] = {
    {"malloc(n)", [](size_t n) { return malloc(n); }},
    {"calloc(n, 1)", [](size_t n) { return calloc(n, 1); }},
    {"calloc(1, n)", [](size_t n) { return calloc(1, n); }},
    {"realloc(NULL, n)", [](size_t n) { return realloc(nullptr, n); }},
    {"reallocarray(NULL, n, 1)", [](size_t n) { return reallocarray(nullptr, n, 1); }},
    {"reallocarray(NULL, 1, n)", [](size_t n) { return reallocarray(nullptr, 1, n); }},
    {"memalign(8, n)", [](size_t n) { return memalign(8, n); }},
    {"memalign(64, n)", [](size_t n) { return memalign(64, n); }, 64},
    {"memalign(4096, n)", [](size_t n) { return memalign(4096, n); }, 4096},
    {"memalign(1 MiB, n)", [](size_t n) { return memalign(size_t{1} << 20, n); }, size_t{1} << 20},
    {"memalign(64 MiB, n)", [](size_t n) { return memalign(size_t{64} << 20, n); }, size_t{64} << 20},
    {"aligned_alloc(16, n)", [](size_t n) { return aligned_alloc(16, n); }},
    {"aligned_alloc(256, n)", [](size_t n) { return aligned_alloc(256, n); }, 256},
    {"aligned_alloc(2 MiB, n)", [](size_t n) { return aligned_alloc(size_t{2} << 20, n); }, size_t{2} << 20},
    {"posix_memalign(8, n)", [](size_t n) { return posix_memalign_or_errno(8, n); }},
    {"posix_memalign(32, n)", [](size_t n) { return posix_memalign_or_errno(32, n); }, 32},
    {"posix_memalign(64 KiB, n)", [](size_t n) { return posix_memalign_or_errno(size_t{64} << 10, n); },
     size_t{64} << 10},
    {"posix_memalign(4 MiB, n)", [](size_t n) { return posix_memalign_or_errno(size_t{4} << 20, n); }, size_t{4} << 20},
    {"valloc(n)", [](size_t n) { return valloc(n); }, 4096},
    {"pvalloc(n)", [](size_t n) { return pvalloc(n); }, 4096},
};

struct NewFunction {
  const char* name;
  void* (*allocate)(size_t bytes);             // throws or returns null
  void (*release)(void* block, size_t bytes);  // the delete that belongs to it, unsized
  void (*release_sized)(void* block, size_t bytes);
  bool throws;
  size_t alignment = 16;
};

inline constexpr std::align_val_t kWide{128};

inline constexpr NewFunction kNewFunctions[] = {
    {"new(n)", [](size_t n) { return ::operator new(n); }, [](void* p, size_t) { ::operator delete(p); },
     [](void* p, size_t n) { ::operator delete(p, n); }, true},
    {"new[](n)", [](size_t n) { return ::operator new[](n); }, [](void* p, size_t) { ::operator delete[](p); },
     [](void* p, size_t n) { ::operator delete[](p, n); }, true},
    {"new(n, nothrow)", [](size_t n) { return ::operator new(n, std::nothrow); },
     [](void* p, size_t) { ::operator delete(p, std::nothrow); }, [](void* p, size_t n) { ::operator delete(p, n); },
     false},
    {"new[](n, nothrow)", [](size_t n) { return ::operator new[](n, std::nothrow); },
     [](void* p, size_t) { ::operator delete[](p, std::nothrow); },
     [](void* p, size_t n) { ::operator delete[](p, n); }, false},
    {"new(n, align)", [](size_t n) { return ::operator new(n, kWide); },
     [](void* p, size_t) { ::operator delete(p, kWide); }, [](void* p, size_t n) { ::operator delete(p, n, kWide); },
     true, 128},
    {"new[](n, align)", [](size_t n) { return ::operator new[](n, kWide); },
     [](void* p, size_t) { ::operator delete[](p, kWide); },
     [](void* p, size_t n) { ::operator delete[](p, n, kWide); }, true, 128},
    {"new(n, align, nothrow)", [](size_t n) { return ::operator new(n, kWide, std::nothrow); },
     [](void* p, size_t) { ::operator delete(p, kWide, std::nothrow); },
     [](void* p, size_t n) { ::operator delete(p, n, kWide); }, false, 128},
    {"new[](n, align, nothrow)", [](size_t n) { return ::operator new[](n, kWide, std::nothrow); },
     [](void* p, size_t) { ::operator delete[](p, kWide, std::nothrow); },
     [](void* p, size_t n) { ::operator delete[](p, n, kWide); }, false, 128},
};

}  // namespace hak::test
