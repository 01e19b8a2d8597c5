// The page map: what each unit of the window is. One 16-byte entry a unit, read on every free.
//
//   owner   the Heap whose slab it is; or a tag: 0 nothing is there, kSpan a large or big span
//   meta    the Line of the slab or span, which is that of its first unit
//
// Written when units become a slab or span and when they cease to be one, otherwise only read, so that threads which
// free other threads' blocks don't fight for the cache line.
#pragma once

#include <atomic>
#include <cstdint>

#include "map/window.h"

namespace hak::map {

constexpr uintptr_t kNothing = 0;
constexpr uintptr_t kSpan = 1;

struct PageEntry {
  // Written by who owns the units at that moment; read by any thread that holds a pointer into them. The program
  // hands that pointer over with synchronization of its own, and a wild pointer gets an old or a new value: relaxed.
  std::atomic<uintptr_t> owner;
  std::atomic<Line*> meta;
};
static_assert(sizeof(PageEntry) == 16);

inline PageEntry& entry_of_unit(uint32_t unit) { return g_page_map[unit]; }

/// The entry of a pointer at `offset` bytes into the window, below the limit.
inline PageEntry& entry_at(uint64_t offset) {
  return *reinterpret_cast<PageEntry*>(reinterpret_cast<uintptr_t>(g_page_map) + ((offset >> kUnitShift) << 4));
}

inline Line* line_of_unit(uint32_t unit) { return g_window.lines + unit; }

/// The first unit of the slab or span that this line describes.
inline uint32_t unit_of_line(const void* line) {
  return static_cast<uint32_t>(static_cast<const Line*>(line) - g_window.lines);
}

/// Whether a pointer is that of a line, for who reads one that may be anything.
inline bool is_line(const void* p) {
  const uintptr_t offset = reinterpret_cast<uintptr_t>(p) - reinterpret_cast<uintptr_t>(g_window.lines);
  return offset % sizeof(Line) == 0 &&
         offset < (g_window_limit.load(std::memory_order_relaxed) >> kUnitShift) * sizeof(Line);
}

/// Calls `work` with the line of each slab and span, in address order, and with its owner. What others change meanwhile is
/// met or isn't.
template <class Work>
void for_each_line(Work work) {
  const uint32_t units = static_cast<uint32_t>(g_window_limit.load(std::memory_order_relaxed) >> kUnitShift);
  for (uint32_t unit = 0; unit < units; unit++) {
    const PageEntry& entry = entry_of_unit(unit);
    const uintptr_t owner = entry.owner.load(std::memory_order_relaxed);
    Line* const line = entry.meta.load(std::memory_order_relaxed);
    if (owner != kNothing && line == line_of_unit(unit)) work(line, owner);
  }
}

/// Makes `count` units from `first` on belong to `owner`, described by the line of `first`. The first one is set last
/// and cleared first: a child forked meanwhile takes what it finds at a first unit for whole.
inline void set_entries(uint32_t first, uint32_t count, uintptr_t owner) {
  const bool clears = owner == kNothing;
  Line* const line = clears ? nullptr : line_of_unit(first);
  std::atomic_signal_fence(std::memory_order_release);
  for (uint32_t i = 0; i < count; i++) {
    PageEntry& entry = entry_of_unit(clears ? first + i : first + count - 1 - i);
    entry.meta.store(line, std::memory_order_relaxed);
    entry.owner.store(owner, std::memory_order_relaxed);
  }
}

}  // namespace hak::map
