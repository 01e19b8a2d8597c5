// Spans that lie idle, in the heap's stacks and in the pools. Each is of one class, and no other's blocks can have it:
// where they are much beside what is in use, they go back to units, to serve as any.
//
// heap: the caller's, in a section, or null.
#pragma once

#include "base/units.h"

namespace hak {

struct Heap;

/// In all pools and stacks: in the heap's own now, in those of others when their owners last looked.
Units idle_spans(Heap* heap);

/// For the others: what lies in the heap's stacks now.
void note_idle_spans(Heap& heap);

/// Whether that is an eighth of what is in use and more.
bool is_much(Units idle);

/// Gives all of them back to units, and judges whether the heap goes on to keep what it frees (heap/span_room.h).
void return_idle_spans(Heap* heap);

/// In a forked child: another thread of the parent may have been at it.
void recount_idle_spans();

}  // namespace hak
