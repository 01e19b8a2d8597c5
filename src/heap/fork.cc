// Before a fork all locks are taken, in the order of their ranks, so that the child gets them in a consistent state;
// our handlers were installed first, so they run last before the fork and first after it.
//
// fork() may be called by a signal handler that interrupted one of our critical sections (POSIX calls it
// async-signal-safe; glibc's tst-mallocfork2). This thread then holds a lock and must not wait for any: the fork goes
// ahead as it is, and the child, which may only call async-signal-safe functions, gets back what was interrupted.
#include "heap/fork.h"

#include <pthread.h>

#include "heap/registry.h"
#include "heap/shared.h"
#include "map/window.h"
#include "os/lock.h"

namespace hak {
namespace {

constinit __thread bool t_locked_for_fork = false;

void before_fork() {
  t_locked_for_fork = os::locks_held_by_me() == 0;
  if (!t_locked_for_fork) return;
  g_registry_lock.lock();
  lock_shared_heaps();
  map::g_map_lock.lock();
}

void unlock_all() {
  map::g_map_lock.unlock();
  unlock_shared_heaps();
  g_registry_lock.unlock();
}

void after_fork_in_parent() {
  if (t_locked_for_fork) unlock_all();
  t_locked_for_fork = false;
}

void after_fork_in_child() {
  if (t_locked_for_fork) {
    orphan_other_heaps();
    unlock_all();
  }
  t_locked_for_fork = false;
}

}  // namespace

void install_fork_handlers() { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); }

}  // namespace hak
