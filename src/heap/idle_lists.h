// Free lists of a heap whose thread sleeps: what is on them is the fast path's, which is in no section, and pins every
// slab that a block of them belongs to. A helper takes those of the mid classes away all the same:
//
//   owner    block = head; next = block->next; if (head == block) head = next;     one instruction, not divided by interrupts
//   helper   list = head; head = taken;  membarrier(2);  head taken still? list is the helper's, head = null
//
// The barrier falls between two instructions of the owner. Had it exchanged the head before, over `taken`: the helper
// sees that, and lets go. Does it come to it behind the barrier, then it finds `taken`, which is no list, and waits for
// the helper in a section. Null instead of `taken` would not do: the owner writes it too, with a list's last block.
// (The asymmetry is that of heap/section.h. Tiny classes' lists stay: the exchange costs an instruction that their
// budget doesn't have.)
#pragma once

#include "heap/heap.h"

namespace hak {

/// Puts the blocks of the heap's mid classes' free lists into its inbox. For a helper (heap/section.h); nothing happens
/// where membarrier is refused.
void post_mid_lists(Heap& heap);

}  // namespace hak
