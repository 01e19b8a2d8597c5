#include "os/thread.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/counters.h"
#include "os/fault.h"
#include "os/keep_errno.h"

namespace hak::os {

namespace {

bool barrier_call(int command) {
  const KeepErrno keep;
  count(g_counters.barriers);
  if (fault::refusal(fault::Call::barrier) == 0 && syscall(SYS_membarrier, command, 0, 0) == 0) return true;
  count(g_counters.barrier_refused);
  return false;
}

}  // namespace

bool ExitKey::create(void (*on_exit)(void* value)) {
  created_ = pthread_key_create(&key_, on_exit) == 0;
  return created_;
}

bool ExitKey::arm(void* value) const { return created_ && pthread_setspecific(key_, value) == 0; }

void yield() { syscall(SYS_sched_yield); }

bool register_barrier() { return barrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

bool barrier_all() { return barrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }

}  // namespace hak::os
