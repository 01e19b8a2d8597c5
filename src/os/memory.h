// Memory from and to the kernel: reserve, claim, commit, purge, populate, remap. The only file that calls mmap(2) and
// its kin. Called by map/ and by whoever maps metadata. Knows nothing of units or blocks.
//
// All functions: sizes are bytes and, like addresses, multiples of page_size() unless said otherwise (checked in
// debug builds). errno is kept. Calls, refusals and bytes are counted in os/counters.h. Refusals can be injected
// (os/fault.h). Threads: any. None allocates or locks; all are async-signal-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hak::os {

extern constinit std::atomic<size_t> g_page_bytes;  // 0 until asked; every writer stores the same value, so relaxed

[[gnu::cold]] size_t read_page_size();

/// The kernel's page size, 4, 16 or 64 KiB. Source: getauxval(3), AT_PAGESZ.
inline size_t page_size() {
  const size_t known = g_page_bytes.load(std::memory_order_relaxed);
  return known != 0 ? known : read_page_size();
}

enum class Claim : uint8_t {
  done,
  occupied,  // something lies at or in the range: try another
  refused,   // the kernel gives no memory (a limit, too many mappings) or no such address: trying further is useless
};

/// Maps [at, at + bytes) readable and writable, zeroed, without reserving swap, only if nothing is mapped there.
/// Errors: the result says which. Source: mmap(2), MAP_FIXED_NOREPLACE; where the kernel or valgrind ignores the
/// flag and maps elsewhere, that is undone and reported as occupied.
Claim claim(void* at, size_t bytes);

/// Reserves address range only, anywhere, aligned to `align` (a power of two). Commit before use.
/// Returns null when the kernel refuses. Owned by the caller: unmap(). Source: mmap(2), PROT_NONE.
void* reserve(size_t bytes, size_t align);

/// Makes a part of a reserved range readable and writable. Returns false when the kernel refuses: nothing changed
/// that the caller can see. Source: mprotect(2).
bool commit(void* at, size_t bytes);

/// Maps readable and writable zeroed memory anywhere, for metadata; `bytes` is rounded up to pages.
/// Returns null when the kernel refuses. Owned by the caller: unmap(). Source: mmap(2).
void* map(size_t bytes);

/// Gives a mapping back; `bytes` is rounded up to pages. Errors: none that a caller could handle (a refused
/// munmap(2) leaves the range mapped).
void unmap(void* at, size_t bytes);

/// Gives the pages back, which read as zero afterwards; the range stays mapped. Returns false when the kernel
/// refuses (locked pages): the contents are as before. Source: madvise(2), MADV_DONTNEED.
bool purge(void* at, size_t bytes);

/// Faults the pages in for writing, in one call. Returns false when the kernel refuses (older than 5.14, a memory
/// limit): some may be in, the rest comes on demand. Source: madvise(2), MADV_POPULATE_WRITE.
bool populate(void* at, size_t bytes);

enum class Huge : bool { no, yes };

/// Asks for huge pages in the range, or for none. Returns false when the kernel has none, or none of 2 MiB at most, or has
/// them switched off, where it would take the advice all the same. Source: madvise(2),
/// /sys/kernel/mm/transparent_hugepage.
bool advise_huge(void* at, size_t bytes, Huge huge);

/// How many pages of the range are in memory; 0 where the kernel doesn't say. Not counted. Source: mincore(2).
size_t resident_pages(const void* at, size_t bytes);

/// What the first write to a page costs here, ns: the mean over a few pages that it maps for the purpose and unmaps.
/// 1000 where the kernel gives none. Some 0.1 ms.
uint64_t measure_fault_ns();

enum class Moved : uint8_t {
  done,
  refused,  // older than 5.7, more than one mapping, too many mappings: `from` is as before
  lost,     // as refused, and `to` is mapped no more: the kernel took it away first, and gives it back to nobody now
};

/// Whether the range's first pages are locked into memory (mlock(2), mlockall(2)). True where the kernel doesn't say. Not
/// counted. Source: madvise(2), MADV_COLD: Linux 5.4, EINVAL for locked pages; what it means, that others go first where
/// memory is short, hardly matters to pages that are about to move.
bool is_locked(void* at, size_t bytes);

/// Moves the pages of [from, from + bytes) to [to, to + bytes), replacing what was there. Both stay mapped; `from`
/// reads as zero afterwards. The ranges must not overlap. Where it is refused `to` holds what it held, or zero. Cheapest
/// where both lie at multiples of 2 MiB: whole page tables move. Not of locked pages: the kernel takes the lock off the
/// whole mapping that they lie in.
/// Source: mremap(2), MREMAP_FIXED | MREMAP_DONTUNMAP; mm/mremap.c: Linux before 6.17 unmaps `to` before it looks whether
/// `from` can be moved, so it is mapped anew.
Moved move_pages(void* from, void* to, size_t bytes);

}  // namespace hak::os
