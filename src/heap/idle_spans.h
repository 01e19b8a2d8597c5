// Spans that lie idle, in the stacks of heaps and in the pools. Each is of one class, and no other's blocks can have it:
// where they are much beside what is in use they go back to units, to serve as any.
//
// A heap judges whether keeping pays each time that its idle spans turn out to be much. Where less than a third of the
// blocks came from kept spans since the last time, it doesn't: sizes change too often. Then the next frees go straight
// back to units, where spans grow together and the same memory serves all sizes; some at first, and more each time that
// this is found again.
//
// heap: the caller's, in a section, or null.
#pragma once

#include "base/units.h"

namespace hak {

struct Heap;

/// What return_idle_spans() would give back, as of some moment.
Units idle_spans(const Heap* heap);

/// Whether that is an eighth of what is in use and more, and more than a process that has little in use may keep all the same.
bool is_much(Units idle);

/// Gives the spans of the heap's stacks and of all pools back to units, for who wants them, and judges.
void return_idle_spans(Heap* heap);

/// Whether a free goes straight back, of class `c` that isn't open: none is, as long as frees do. Counts it. Where the heap
/// itself and all heaps hold much, judges, and before a class of the large tier is opened gives back what the heap holds: of
/// the frees of an open class nobody hears.
bool goes_straight_back(Heap& heap, unsigned c);

/// For other heaps' judgement: what lies in the heap's stacks now.
void note_idle_spans(Heap& heap);

/// In a forked child: another thread of the parent may have been at it, and what heaps of threads that stayed there hold
/// nobody can give back.
void recount_idle_spans();

}  // namespace hak
