// The allocator's operations as api/ and tests use them: what isn't on the fast path. Errors: a null pointer; whoever
// exports the operation sets errno or calls the new-handler. Threads: any.
#pragma once

#include <cstddef>

#include "heap/fast.h"

namespace hak {

/// malloc: errno = ENOMEM and null when there is no memory.
[[gnu::always_inline]] inline void* allocate(size_t size) { return malloc_fast<MallocSlow>(size); }

/// `size` zeroed bytes. errno as allocate().
void* allocate_zeroed(size_t size);

/// A block of at least `size` bytes at a multiple of `align`, a power of two. errno as allocate().
void* allocate_aligned(size_t align, size_t size);

/// realloc for a non-null `p` and a non-zero size: the block at `p` grown or shrunk, moved if need be. Null with
/// errno = ENOMEM: `p` is as before. What is no block is reported and yields null.
void* reallocate(void* p, size_t size);

/// Bytes that belong to the block at `p`; 0 for what is no live block's start.
size_t usable_size(const void* p);

/// The block size that a request of `size` bytes gets; 0: too large.
size_t good_size(size_t size);

/// Frees `p`, whose owner says that it asked for an alignment of `align`.
void free_with_alignment(void* p, size_t align);

/// C23's free_sized: `size` is what was asked for last, perhaps by a realloc that left the block larger than it had to
/// be. So only a size that the block can't hold is wrong.
void free_with_size(void* p, size_t size);

/// Calls of free with null by threads that had no heap, ever.
uint64_t early_returns_without_heap();

}  // namespace hak
