// How a thread gets its heap and leaves it. Called by slow paths.
//
//   fresh --first allocation, or after some frees--> attached --last round but one of thread-exit destructors--> ended
//
// A thread that ended may still allocate and free, in destructors that run after ours and in libc's own clean-up: it
// then uses a shared heap under its lock and posts each free at once. So do the first frees of one that has allocated
// nothing.
#pragma once

#include "heap/heap.h"

namespace hak {

/// The calling thread's heap, attached now if it has none. Null for a thread that ended, or when there is no memory
/// for a heap: use heap/shared.h. Keeps errno.
Heap* heap_of_thread();

/// The same for a free: null for its first ones too, where the thread has allocated nothing.
Heap* heap_of_freeing_thread();

}  // namespace hak
