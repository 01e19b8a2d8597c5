// realloc, and the sizes of blocks.
#include <cerrno>
#include <cstring>

#include "heap/allocate.h"
#include "heap/blocks.h"
#include "heap/spans.h"

namespace hak {
namespace {

// Stay while the block fits and at least half of it is used; the smallest blocks aren't worth a move.
constexpr size_t kNeverShrink = 64;

bool fits_in_place(size_t block, size_t size) { return size <= block && (size >= block / 2 || block <= kNeverShrink); }

void* move(void* p, size_t old_bytes, size_t size) {
  void* const to = allocate(size);
  if (to == nullptr) return nullptr;
  memcpy(to, p, old_bytes < size ? old_bytes : size);
  free_fast(p);
  return to;
}

}  // namespace

void* reallocate(void* p, size_t size) {
  const Found found = find(p);
  if (found.slab != nullptr && is_block_start(*found.slab, p)) {
    const size_t block = found.slab->block_bytes;
    return fits_in_place(block, size) ? p : move(p, block, size);
  }
  if (found.span != nullptr && is_live(*found.span) && start_of(*found.span) == p)
    return size > kMidMax ? reallocate_span(*found.span, size, reinterpret_cast<Site>(__builtin_return_address(0)))
                          : move(p, bytes_of(*found.span).n, size);
  report_bad_pointer(p, "realloc", __builtin_return_address(0));
  errno = ENOMEM;
  return nullptr;
}

size_t usable_size(const void* p) {
  const Found found = find(p);
  if (found.slab != nullptr) return is_block_start(*found.slab, p) ? found.slab->block_bytes : 0;
  if (found.span != nullptr && is_live(*found.span) && start_of(*found.span) == p) return bytes_of(*found.span).n;
  return 0;
}

}  // namespace hak
