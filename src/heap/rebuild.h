// In a forked child: a heap that another thread had under change, made anew from what can't be halfway.
#pragma once

#include "heap/heap.h"

namespace hak {

/// Makes lists, states and counts of the heap's slabs anew, from the page map, which says which slabs are its, and from
/// their own lists of freed blocks, which are whole at every instant. What was on its way between two lists counts as
/// used and stays so. Nobody else touches the heap.
void rebuild_heap(Heap& heap);

/// As rebuild_heap(), for a heap whose thread stayed in the parent. What it had gathered for others is posted; if it
/// was in a section, perhaps halfway through a put(), that is lost.
void rebuild_orphan(Heap& heap);

}  // namespace hak
