// Threads as the allocator needs them: to notice their end, to order memory between them.
// Called by heap/. Must not allocate itself; what libc may allocate is said at each function.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace hak::os {

/// Calls `on_exit(value)` on a thread that armed it with a value, when that thread ends: after destructors of C++
/// thread_local objects, among those of other keys. May be armed again from on_exit, for at most
/// PTHREAD_DESTRUCTOR_ITERATIONS (4) rounds.
class ExitKey {
 public:
  /// Creates the key, once. Returns false when there is none left (EAGAIN). Source: pthread_key_create(3).
  /// Early in a process the key's number is below 32, and arm() then never allocates; later glibc may calloc in arm().
  bool create(void (*on_exit)(void* value));

  /// Sets this thread's value; null disarms. Returns false without a key or when libc has no memory.
  bool arm(void* value) const;

  bool created() const { return created_; }

 private:
  pthread_key_t key_ = 0;
  bool created_ = false;
};

/// Lets others run, for who waits for one of them. Source: sched_yield(2).
void yield();

/// Prepares barrier_all(). Returns false where the kernel or a sandbox refuses: use an ordinary fence and lock then.
/// A forked child inherits it. Keeps errno. Source: membarrier(2), PRIVATE_EXPEDITED.
bool register_barrier();

/// A full memory barrier on every running thread of the process: pairs with a plain store, compiler barrier and
/// plain load elsewhere. Returns false when the system refuses: no barrier happened. 1 to 10 µs. Keeps errno.
bool barrier_all();

}  // namespace hak::os
