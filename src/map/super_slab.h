// SuperSlabs: 2 MiB, 32 units, one huge page. Gives runs of units for slabs and spans and takes them back.
// Called by slab/, heap/ and map/span. All functions take the map lock themselves, but those named ..._held, whose
// caller holds it.
//
// A unit is in one state: free clean, free dirty, or in use; `free` and `dirty` are the masks.
//   dirty is a subset of free, aged of dirty
//   free = 0                 the SuperSlab is full, on no list
//   free = all               it is empty: its bit in the map of empty SuperSlabs is set, on no list
//   otherwise                it is on the list of its kind and number of free units
// A run of less than 32 units lies in one SuperSlab. It is taken where the fewest units are free, so that the rest
// empties (fullest first). Runs from 32 units on begin at a SuperSlab; what they leave of their last one is free.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/units.h"
#include "map/window.h"
#include "os/memory.h"

namespace hak::map {

enum class Kind : uint8_t {
  none,   // empty
  slabs,  // tiny and mid: dense, gets a huge page in a grown heap
  spans,  // large and big: may be touched sparsely, faults on demand but where a big one asks for huge pages
  lost,   // another mapping lies here
};

struct alignas(kCacheLine) SuperSlab {
  SuperSlab* next;
  SuperSlab* prev;
  uint32_t free;
  uint32_t dirty;
  uint32_t aged;  // dirty since before the last decay tick
  Kind kind;
  // The kernel was asked for a huge page; else for none. Written under the map lock; relaxed: who looks without it looks
  // again with it.
  std::atomic<bool> huge;
};
static_assert(sizeof(SuperSlab) == kCacheLine);

struct UnitRun {
  uint32_t first = 0;
  uint32_t count = 0;  // 0: there is none
  bool clean = false;  // every byte is zero
  bool huge = false;   // the kernel was asked for huge pages
};

// What may be taken: resident units only, untouched mapped ones only, any mapped ones, or more of the window. roomy:
// untouched ones or more of the window, before any others.
enum class Growth : uint8_t { resident, untouched, forbidden, allowed, roomy };

/// Takes `count` consecutive units, the first at a multiple of `align` units (a power of two). Growth::forbidden takes
/// only what is mapped already. huge: where that begins an untouched SuperSlab, its pages are asked to be huge; for who
/// fills it densely. Returns an empty run when there is none.
UnitRun take_units(Units count, Units align, Kind kind, Growth growth, os::Huge huge = os::Huge::no);
UnitRun take_units_held(Units count, Units align, Kind kind, Growth growth, os::Huge huge = os::Huge::no);

// How long free units have been idle.
enum class Age : uint8_t {
  fresh,      // perhaps not at all
  aged,       // since before the last decay tick
  untouched,  // they hold no pages
};

/// Gives units back, dirty unless they are untouched: the first `count` from `first` on, any part of what was taken.
void give_units(uint32_t first, Units count, Age age = Age::fresh);
void give_units_held(uint32_t first, Units count, Age age = Age::fresh);

/// Takes the `count` units from `first` on if all are free, mapping more of the window if they lie behind its end. For
/// realloc in place.
bool take_units_at_held(uint32_t first, Units count);

/// Asks for huge pages in the SuperSlabs that lie wholly among the `count` units from `first` on. Those are the caller's,
/// who will fill them. Errors: where the kernel refuses they stay as they are.
void ask_huge(uint32_t first, Units count);

/// Some pages of these units, which stay in use, are about to go back: no huge page is to bring them again, as the
/// kernel's khugepaged makes one of those that are left after a while. Errors: as ask_huge().
void keep_small(uint32_t first, Units count);

/// Pages of `count` units from `from` on were moved to `to`, and what the kernel was asked moved with them.
void note_moved(uint32_t from, uint32_t to, Units count);

struct UnitCounts {
  uint64_t clean, dirty, used, lost;  // sum: units below the frontier
  uint64_t huge_clean;  // part of clean: in memory all the same, since a huge page that is in use covers them
};
UnitCounts count_units();

/// Whether a huge page was asked for where the unit lies. Threads: any; as of some moment.
bool is_huge_at(uint32_t unit);

/// Dirty units now, and those in use, what is being purged not among them. Threads: any, without the lock; as of some
/// moment.
Units dirty_units();
Units used_units();

/// Takes free dirty units out for purging: all in one SuperSlab that have at least the age. They are nobody's until
/// purged_units() puts them back.
/// from: SuperSlab index to search from, moved behind the one found. Returns an empty mask at the end.
struct DirtyMask {
  uint32_t super = kNoSuper;
  uint32_t mask = 0;
};
DirtyMask take_dirty(Age age, uint32_t* from);
void purged_units(DirtyMask taken, uint32_t refused_mask);

/// A decay tick: what is dirty now is aged from here on.
void age_dirty();

/// In a forked child whose parent had another thread inside the map lock: makes masks, lists and counts anew from the
/// page map, which says what is in use. Units that were on their way between two states become free. No other thread
/// exists.
void rebuild_super_slabs();

/// Checks the equations above for every SuperSlab. Returns the broken one's text, or null.
const char* broken_super_slab_rule();

}  // namespace hak::map
