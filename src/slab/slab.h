// A slab: a span of units cut into equal blocks of one size class, for one heap. Its line in the window's table.
// All fields are the owning heap's: its thread, inside a section, or a helper (heap/section.h). `freed` and `countdown`
// are written by the thread's fast path too, while a block of the slab is live. Other threads read `heap`, `size_class`
// and the geometry, which don't change while a block of the slab is live.
//
//      blocks
//   |<--------------------------------------------->|
//   [ used .... ][ released ][ freed ][ fresh ...... ]   used + released = floor + countdown + 1   (on no list of the slab)
//   |<------------ carved ---------->|                   used: handed to lists or live
//                                                        released: free, in pages that were given back (slab/sparse)
//                                                        freed = carved - used - released       (on the list `freed`)
//                                                        fresh = blocks - carved    (never handed out)
//
// free() counts `countdown` down; below zero, so when `used + released` has come down to `floor`, the slab has an
// event: it changes its list, or is empty. (Below zero, because the subtraction itself then sets the flag that is
// tested.)
#pragma once

#include <atomic>
#include <cstdint>

#include "base/plain_load.h"
#include "base/size_class.h"
#include "hakmem/hakmem.h"
#include "map/page_map.h"
#include "map/super_slab.h"
#include "slab/free_list.h"

namespace hak {

struct Heap;

enum class SlabState : uint8_t {
  none,     // no slab
  current,  // its heap's free list of the class is made of its blocks
  full,     // too few free blocks to be on a list
  partial,  // on its heap's list of partial slabs, by how full it is
  empty,    // all blocks are back; on its heap's list of empty slabs of the class, its blocks on `freed`
  leaving,  // a helper has all its blocks and gives it up; on no list
};

struct alignas(kCacheLine) Slab {
  Block* freed;
  int32_t countdown;
  int16_t floor;
  uint16_t released;
  uint16_t carved;
  uint16_t blocks;
  uint8_t size_class;
  SlabState state;
  uint8_t fill : 2;    // which list of partial slabs it is on
  uint8_t glance : 6;  // of who releases pages (heap/sparse): what it saw last
  uint8_t units;
  Slab* next;
  Slab* prev;
  Heap* heap;
  uint16_t block_bytes;
  uint16_t
      released_pages;  // of this line's unit, which needn't be the first: bit i: its i-th page of 4 KiB is given back
  uint32_t reciprocal;
  uint32_t first;               // its first unit
  uint16_t seen_off;            // `used + released` when its heap last looked: ClassHeap::out
  uint16_t returned : 14;       // blocks that a helper left in the inbox; while it is at work its own
  uint16_t walked : 1;          // of who releases pages: what is to be had was taken
  uint16_t fresh_resident : 1;  // what is fresh of it may be in memory: others used these units before, or a huge page
};
static_assert(sizeof(Slab) == sizeof(map::Line));

constexpr unsigned kMostReturned = (1u << 14) - 1;

/// used + released.
inline uint32_t off_list_blocks(const Slab& s) { return static_cast<uint32_t>(s.floor + s.countdown + 1); }

/// Negative when more blocks were freed than were out.
inline int32_t used_or_less(const Slab& s) { return s.floor + s.countdown + 1 - s.released; }

/// One block fewer is out. True when an event is due. The fast path's: a helper that sees the last one's count goes on
/// to what was written before it. On x86-64 every store is a release, and the plain form is one instruction; not for
/// sanitizers.
inline bool count_down(Slab& s) {
#if defined(__x86_64__)
  constexpr bool kPlain = !kAtomicLoads;
#else
  constexpr bool kPlain = false;
#endif
  if constexpr (!kPlain) {
    std::atomic_ref countdown(s.countdown);
    const int32_t now = countdown.load(std::memory_order_relaxed) - 1;
    countdown.store(now, std::memory_order_release);
    return now < 0;
  }
  return --s.countdown < 0;
}

/// `used` for a helper, which may be at work while the owner frees: at least what is out without those under way.
inline int32_t used_seen_by_helper(Slab& s) {
  return s.floor + std::atomic_ref(s.countdown).load(std::memory_order_acquire) + 1 - s.released;
}
inline uint32_t used_blocks(const Slab& s) { return static_cast<uint32_t>(used_or_less(s)); }
inline bool event_is_due(const Slab& s) { return s.countdown < 0; }
inline uint32_t freed_blocks(const Slab& s) { return s.carved - off_list_blocks(s); }
inline char* start_of(const Slab& s) { return static_cast<char*>(map::address_of(s.first)); }
inline uint32_t offset_in(const Slab& s, const void* p) {
  return static_cast<uint32_t>(static_cast<const char*>(p) - start_of(s));
}
/// `carved` for any thread: the owner may be carving more.
inline uint32_t carved_blocks(const Slab& s) {
  return std::atomic_ref(const_cast<uint16_t&>(s.carved)).load(std::memory_order_relaxed);
}

/// For any thread.
inline bool is_block_start(const Slab& s, const void* p) {
  const uint32_t offset = offset_in(s, p);
  const uint32_t index = block_index(s.reciprocal, offset);
  return index * s.block_bytes == offset && index < carved_blocks(s);
}

/// Sets when the next event comes: when `used` has fallen to `floor`.
inline void set_floor(Slab& s, uint32_t floor) {
  const int32_t with_released = static_cast<int32_t>(floor) + s.released;
  s.countdown += s.floor - with_released;
  s.floor = static_cast<int16_t>(with_released);
}

/// Makes `run` a slab of class `c` with no block carved. Every unit's page map entry names `heap` afterwards.
Slab& make_slab(Heap* heap, unsigned c, const map::UnitRun& run);

/// Makes an empty slab one of class `c`, which needs as many units.
void recut_slab(Slab& s, unsigned c);

/// Gives an empty slab's units back. It is on no list. age: how long it was idle.
void release_slab(Slab& s, map::Age age = map::Age::fresh);

/// Takes the whole list of freed blocks; returns how many there are, 0 with a null list.
inline uint32_t take_freed(Slab& s, Block** list) {
  const uint32_t n = freed_blocks(s);
  *list = s.freed;
  s.freed = nullptr;
  s.countdown += static_cast<int32_t>(n);
  return n;
}

/// How many fresh blocks a refill takes, at least one where any is fresh, so that it touches one page more: tiny ones
/// that end in the page in which the first one ends. The one that reaches into the next page waits: all of a list come
/// round, even where few are live. Of mid classes it comes too, as a page has few of them.
inline uint32_t fresh_in_page(const Slab& s) {
  const uint32_t begin = uint32_t{s.carved} * s.block_bytes;
  if (s.size_class >= kTinyClasses) return block_index(s.reciprocal, begin | (kPageBytes - 1)) - s.carved + 1;
  const uint32_t end = begin + s.block_bytes - 1;
  return block_index(s.reciprocal, (end | (kPageBytes - 1)) + 1) - s.carved;
}

/// Carves up to `most` fresh blocks into a list; returns how many, 0 when none is fresh.
uint32_t carve(Slab& s, uint32_t most, Block** list);

/// Puts blocks back that were used: one, or a batch of this slab.
void put_back(Slab& s, const Batch& batch);

/// Whether it is a slab of `heap`, for that heap's thread, which comes with a slab that may have been given up since:
/// then the line is nobody's, or another's who writes to it just now.
inline bool is_slab_of(const Slab& s, const Heap* heap) {
  if constexpr (!kAtomicLoads) return s.heap == heap;
  return std::atomic_ref(const_cast<Heap*&>(s.heap)).load(std::memory_order_relaxed) == heap;
}

/// The slab of a block that is one.
inline Slab& slab_of(const Block* block) {
  return *reinterpret_cast<Slab*>(map::entry_at(map::offset_of(block)).meta.load(std::memory_order_relaxed));
}

/// enum hakmem_tier of its blocks.
inline uint32_t tier_of(const Slab& s) { return s.size_class < kTinyClasses ? HAKMEM_TIER_TINY : HAKMEM_TIER_MID; }

/// Whether a link of a list that its owner may be changing can be followed.
inline bool may_be_block(const Block* block) {
  return map::in_window(block) && reinterpret_cast<uintptr_t>(block) % sizeof(Block) == 0;
}

/// Whether what a block says as the first of a batch can be so. False where its owner freed it meanwhile, or it is none.
inline bool may_be_batch(const Batch& batch, const Block* next_batch) {
  return batch.count > 0 && (next_batch == nullptr || may_be_block(next_batch));
}

/// Copies the slab of a line, for who has no right to it and looks all the same: meanwhile it may be given up and the
/// line be something else's. False where the copy is no slab; else its numbers are in range, if not of one moment.
bool copy_slab(const map::Line* line, Slab* copy);

/// The broken equation's text, or null. Walks the list of freed blocks.
const char* broken_rule(const Slab& s);

}  // namespace hak
