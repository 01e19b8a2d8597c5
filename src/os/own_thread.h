// One thread of the allocator's own, that libc knows nothing of: libc would allocate for it and take locks that the
// caller of malloc may hold (glibc frees a thread's TLS under its lock on stacks, the dynamic linker allocates under
// its own). Called by heap/. Allocates nothing: stack and thread-local storage are static.
#pragma once

namespace hak::os {

/// Starts `run` on a thread with all signals blocked and thread-local storage of its own that is zero, whatever the
/// initial values. run() may use os/ and system calls; of libc only what needs no thread: no allocation, no locale, no
/// stdio, no pthread_*, no point of cancellation. Returns false, and starts nothing, when one is there already, the
/// system refuses, or valgrind runs the program. Never blocks, may be called from any place and thread. Keeps errno.
/// Its credentials are those of the start: libc's setuid(2) does not reach it. Source: clone(2).
bool start_own_thread(void (*run)());

/// True from before the start to after the last instruction of run().
bool own_thread_runs();

/// In a forked child, before other threads start: the thread stayed in the parent.
void forget_own_thread();

/// Sleeps. For run(): nanosleep(2) of libc is a point of cancellation.
void sleep_own_thread(unsigned long us);

}  // namespace hak::os
