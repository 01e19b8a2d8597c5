// Pages inside a slab that is in use: where all blocks of a page are free, the page can go back to the system while the
// slab stays. Its blocks are then *released*: on no list, until a refill takes them page by page (Slab::released,
// Slab::released_pages). Called by heap/, by the owner in a section or by a helper. Pages are counted in those of 4 KiB;
// where the kernel's are larger, 16 or 64 KiB, only all that make up one of its go together.
//
// A block is released when it *begins* in a released page. One that begins before such a page and reaches into it stays
// on the list: used again, it touches the page anew.
#pragma once

#include "slab/slab.h"

namespace hak {

/// Gives back the pages of which all blocks are on the list of freed blocks, but for the one in which the newest begins:
/// behind it the owner's fast path, which may be at work, touches no link. Walks the list, and reports one that is not in
/// order. Returns how many pages.
///
/// waiting: null, or blocks of the slab that others returned, a plain list in the caller's hands: they are as good as free.
/// Those that are released leave it, all but one at least, which tells the owner of them.
uint32_t release_free_pages(Slab& s, Batch* waiting = nullptr);

/// Gives back the pages that hold fresh blocks only, where they may be resident. Nobody touches them but a refill.
void release_fresh_pages(Slab& s);

/// Takes the blocks that are released off the slab's list behind `from`; returns how many. For release_free_pages(),
/// and for a child that was forked in the middle of it.
uint32_t drop_released(Slab& s, Block* from);

struct Taken {
  Block* list = nullptr;
  uint32_t count = 0;
  Block* freed_twice = nullptr;  // one that was freed while it was released
};

/// Takes the blocks of the first unit that has released ones, whose pages it fetches at once. Those that were written
/// to since count as used and are left where they are: they were freed a second time, which free() couldn't see, and
/// are on the slab's list, or the program still writes to them.
Taken take_released(Slab& s);

/// True for the start of a released block.
bool is_released(const Slab& s, const void* p);

/// How many of the slab's pages are given back. For any thread.
uint32_t count_released_pages(const Slab& s);

/// Counts them by the pages' bits: Slab::released, for checks and after a fork.
uint32_t count_released(const Slab& s);

/// Of a slab that is cut anew.
void forget_released(Slab& s);

}  // namespace hak
