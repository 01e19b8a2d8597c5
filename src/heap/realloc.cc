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
  if (to == nullptr) return size <= old_bytes ? p : nullptr;  // it would only have become smaller
  memcpy(to, p, old_bytes < size ? old_bytes : size);
  free_fast(p);
  return to;
}

void* refuse(const void* p, const void* site) {
  report_bad_pointer(p, "realloc", site);
  errno = ENOMEM;
  return nullptr;
}

// By the mark that its owner's free left; where the program wrote just that word, the lists tell.
bool is_freed(const void* p, const Slab* slab) {
  const bool bears_mark = static_cast<const Block*>(p)->mark == reinterpret_cast<uintptr_t>(slab);
  return bears_mark && inspect(p).state == HAKMEM_BLOCK_FREE;
}

}  // namespace

void* reallocate(void* p, size_t size) {
  const Found found = find(p);
  if (found.slab != nullptr && is_block_start(*found.slab, p)) {
    if (is_freed(p, found.slab)) [[unlikely]]
      return refuse(p, __builtin_return_address(0));
    const size_t block = found.slab->block_bytes;
    return fits_in_place(block, size) ? p : move(p, block, size);
  }
  if (found.span != nullptr && is_live(*found.span) && start_of(*found.span) == p)
    return size > kMidMax ? reallocate_span(*found.span, size, reinterpret_cast<Site>(__builtin_return_address(0)))
                          : move(p, bytes_of(*found.span).n, size);
  return refuse(p, __builtin_return_address(0));
}

size_t usable_size(const void* p) {
  const Found found = find(p);
  if (found.slab != nullptr) return is_block_start(*found.slab, p) ? found.slab->block_bytes : 0;
  if (found.span != nullptr && is_live(*found.span) && start_of(*found.span) == p) return bytes_of(*found.span).n;
  return 0;
}

}  // namespace hak
