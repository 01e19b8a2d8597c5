// How many freed spans a heap's stacks keep, and what leaves them for the pools. The caller owns the heap, in a section.
//
//   A class is opened by the first free that it could have served. It has room for 1 MiB of the large tier, for one span
//   of the big tier. A thread that frees and gets back more through the pools than there is room for is given room for one
//   more, again and again, up to its share of 32 MiB; until the next decay tick, when the room is as at first. So a loop
//   over many blocks learns it anew twice in HAKMEM_DECAY, and what nobody circulates any more the pools have, from where
//   it goes back.
#pragma once

#include <cstdint>

#include "map/span.h"

namespace hak {

struct Heap;
struct SpanStacks;

/// Makes room for one more span of class `c`, of whose stack none is left, if it may have it.
bool make_room(Heap& heap, unsigned c);

/// A pool gave the heap `count` spans of class `c`.
void note_from_pool(Heap& heap, unsigned c, unsigned count);

/// At a decay tick: the rooms are as at first. What doesn't fit any more goes to the pools.
void trim_rooms(Heap& heap);

/// Closes these classes (bit c: class c), whose stacks are empty: their next free is a slow one, and tells of itself.
void close_rooms(Heap& heap, uint64_t classes);

/// Frees that find room are the fast path's, and nobody hears of them: as long as much can come to lie in the stacks the
/// background thread is wanted.
void expect_quiet_where_much_is_open(const Heap& heap);

/// In a forked child: makes the rooms follow from the lists.
void rebuild_rooms(Heap& heap);

/// How many spans lie on the stack of an open class.
uint32_t kept_spans(const SpanStacks& spans, unsigned c);

/// Takes all spans off a stack.
map::Span* empty_stack(SpanStacks& spans, unsigned c);

/// To where other threads find it. It is on no stack.
void give_to_pools(map::Span& span);

}  // namespace hak
