// The window: the one address range that all blocks lie in, and the tables beside it.
//
//   [ SuperSlab table ][ page map ][ lines ]      [ SuperSlab 0 ][ SuperSlab 1 ] ... [ frontier ) ... end
//     64 B a SuperSlab   16 B a unit 64 B a unit     2 MiB each, mapped up to the frontier
//
// The window is a range that hakmem *claims* piece by piece, each by a mapping that fails where something else lies
// (os::claim), far from where the kernel places mappings by itself. Nothing is reserved, so RLIMIT_AS, a limit that
// the program sets itself at run time, mlockall(2) and a process's virtual size see only what is in use. A piece that
// turns out to be occupied is passed over (`lost`). Where claiming doesn't work (valgrind, sanitizers) the range is
// reserved PROT_NONE instead, as large as the system lets, and committed piece by piece.
//
// Called by map/ and, for the translation of pointers, by everybody above. Grows only; nothing moves.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/plain_load.h"
#include "base/units.h"
#include "os/lock.h"

namespace hak::map {

struct PageEntry;
struct SuperSlab;

/// One per unit: the metadata of the slab or span that begins there (slab/slab.h, map/span.h).
struct alignas(kCacheLine) Line {
  unsigned char bytes[kCacheLine];
};

// Three words that every free reads. Each is a variable of its own and declared hidden, so that it is an operand
// relative to the instruction pointer and no address has to be loaded first.
[[gnu::visibility("hidden")]] extern constinit uintptr_t g_window_base;
// Bytes from base that are mapped for blocks; every unit below has its table entries. Grows under the map lock.
// Readers hold a pointer that they got from an allocation, which happened after the store; a wild pointer may be
// judged by an old value, and is then foreign. So relaxed suffices.
[[gnu::visibility("hidden")]] extern constinit std::atomic<uint64_t> g_window_limit;
[[gnu::visibility("hidden")]] extern constinit PageEntry* g_page_map;

struct Window {
  Line* lines = nullptr;
  SuperSlab* supers = nullptr;
  uint32_t total_supers = 0;  // to the window's end
};

extern constinit Window g_window;

/// Guards everything in map/. Taken by the functions of map/ themselves, never held across a call out of it.
extern constinit os::Lock g_map_lock;

constexpr uint32_t kNoSuper = ~0u;

/// Finds the window's place and maps the first tables. most: bytes that the window may ever span.
/// Returns false when the system has no room even for the smallest window. Called once, before all else here.
bool init_window(Bytes most);

/// Maps `wanted` more SuperSlabs, or fewer down to `at_least`; `*got` says how many. Returns the first one's index,
/// or kNoSuper when the system refuses or the window ends. The map lock is held.
uint32_t grow_window(uint32_t at_least, uint32_t wanted, uint32_t* got);

/// Whether the window was reserved as a whole, where claiming it piece by piece doesn't work.
bool window_is_reserved();

/// SuperSlabs below the frontier, lost ones included. The map lock is held.
uint32_t frontier();

/// Bytes of the tables that are mapped.
Bytes metadata_bytes();

/// Bytes from the window's beginning to its end.
inline Bytes window_bytes() { return {uint64_t{g_window.total_supers} << kSuperShift}; }

inline void* address_of(uint32_t unit) {
  return reinterpret_cast<void*>(g_window_base + (uint64_t{unit} << kUnitShift));
}

inline uint64_t offset_of(const void* p) { return reinterpret_cast<uintptr_t>(p) - g_window_base; }

inline bool in_window(const void* p) { return offset_of(p) < plain_load(g_window_limit); }

/// The unit of a pointer into the window.
inline uint32_t unit_of(const void* p) { return static_cast<uint32_t>(offset_of(p) >> kUnitShift); }

}  // namespace hak::map
