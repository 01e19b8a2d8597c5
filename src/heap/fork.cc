// Allocators usually take all their locks before a fork and give them up after it. That deadlocks: with a signal
// handler that forks while it interrupts one of our critical sections (glibc's tst-mallocfork2), and with libc's own
// lock of stdio, which fork takes after us and which another thread may hold while it waits for one of our locks
// (tst-malloc-fork-deadlock). So none of those that guard memory is taken, and the child repairs what a lock says was
// under change. Only decay ticks are waited for, unless a signal handler that interrupted us forks: a tick waits for
// nothing that the forking thread may hold by then, and a child forked in the midst of one would never free what was on
// its way.
//
// the child's memory is a causally consistent cut of the parent's: fork write-protects page after page, and a thread
// that writes to a protected page waits for the end of the fork. Of each thread the child sees all writes up to some
// moment and none behind it, and whatever those writes depend on. So where a lock is free, what it guards is
// consistent; where another thread held it, what it guards is rebuilt, at once or when it is wanted; where this thread
// holds it, a signal handler called fork, and the interrupted section goes on in the child as in the parent.
#include "heap/fork.h"

#include <pthread.h>

#include "big/cache.h"
#include "heap/background.h"
#include "heap/idle_spans.h"
#include "heap/limit.h"
#include "heap/rebuild.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/shared.h"
#include "heap/tick.h"
#include "large/pool.h"
#include "map/span.h"
#include "map/super_slab.h"
#include "map/window.h"

namespace hak {
namespace {

// A helper that stayed in the parent had this thread's heap. If this thread was inside, the helper was about to give up
// and had changed nothing.
void take_heap_back() {
  Heap* const mine = this_heap;
  if (!is_real(mine) || !mine->lock.held_by_another()) return;
  if (mine->inside.load(std::memory_order_relaxed)) release_after_fork(*mine);
  else rebuild_heap(*mine);
}

void after_fork_in_child() {
  // First what the rest relies on: giving units back takes the map's lock.
  if (map::g_map_lock.held_by_another()) {
    map::rebuild_super_slabs();
    map::recount_spans();
    map::g_map_lock.reset_after_fork();
  }
  large::repair_after_fork();
  big::repair_after_fork();
  repair_shared_heaps_after_fork();
  const bool registry_torn = g_registry_lock.held_by_another();
  if (registry_torn) g_registry_lock.reset_after_fork();
  settle_registry_after_fork(registry_torn);
  take_heap_back();
  recount_idle_spans();
  repair_limit_after_fork();
  forget_background();
  forget_tick();
}

}  // namespace

void install_fork_handler() { pthread_atfork(pause_ticks_for_fork, resume_ticks_after_fork, after_fork_in_child); }

}  // namespace hak
