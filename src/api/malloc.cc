// The C allocation functions, with glibc's semantics (malloc(3), posix_memalign(3), malloc_usable_size(3), C23 7.24.3).
// Each is a thin shell: checks of arguments, errno, and the operation in heap/.
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "heap/allocate.h"
#include "os/memory.h"

#define HAK_EXPORT extern "C" [[gnu::visibility("default")]]

namespace {

constexpr size_t kMostAlign = SIZE_MAX / 2 + 1;

void* fail(int error) {
  errno = error;
  return nullptr;
}

}  // namespace

HAK_EXPORT void* malloc(size_t size) { return hak::allocate(size); }

HAK_EXPORT void free(void* p) { hak::free_fast(p); }

HAK_EXPORT void cfree(void* p) { hak::free_fast(p); }

HAK_EXPORT void* calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) [[unlikely]]
    return fail(ENOMEM);
  return hak::allocate_zeroed(bytes);
}

HAK_EXPORT void* realloc(void* p, size_t size) {
  if (p == nullptr) return hak::allocate(size);
  if (size == 0) {
    hak::free_fast(p);
    return nullptr;
  }
  return hak::reallocate(p, size);
}

HAK_EXPORT void* reallocarray(void* p, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) [[unlikely]]
    return fail(ENOMEM);
  return realloc(p, bytes);
}

// As in glibc, an alignment that is no power of two is rounded up to one.
HAK_EXPORT void* memalign(size_t align, size_t size) {
  if (align > kMostAlign) return fail(EINVAL);
  if (align <= hak::kMinAlign) return hak::allocate(size);
  if (!hak::is_power_of_two(align)) align = size_t{1} << (64 - __builtin_clzll(align));
  return hak::allocate_aligned(align, size);
}

// C17 7.22.3.1: it fails where the alignment isn't supported. So does glibc since 2.38; before, it rounded up.
HAK_EXPORT void* aligned_alloc(size_t align, size_t size) {
  if (!hak::is_power_of_two(align)) return fail(EINVAL);
  return align <= hak::kMinAlign ? hak::allocate(size) : hak::allocate_aligned(align, size);
}

HAK_EXPORT int posix_memalign(void** out, size_t align, size_t size) {
  if (align % sizeof(void*) != 0 || !hak::is_power_of_two(align)) return EINVAL;
  void* const p = hak::allocate_aligned(align, size);
  if (p == nullptr) return ENOMEM;  // errno says so too, as in glibc
  *out = p;
  return 0;
}

HAK_EXPORT void* valloc(size_t size) { return hak::allocate_aligned(hak::os::page_size(), size); }

HAK_EXPORT void* pvalloc(size_t size) {
  const size_t page = hak::os::page_size();
  if (size > SIZE_MAX - page) return fail(ENOMEM);
  return hak::allocate_aligned(page, hak::round_up(size, page));
}

HAK_EXPORT size_t malloc_usable_size(void* p) { return hak::usable_size(p); }

HAK_EXPORT void free_sized(void* p, size_t size) { hak::free_with_size(p, size); }

HAK_EXPORT void free_aligned_sized(void* p, size_t align, size_t size) {
  static_cast<void>(align);
  hak::free_with_size(p, size);
}
