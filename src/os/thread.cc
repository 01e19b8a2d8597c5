#include "os/thread.h"

#include <limits.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/counters.h"
#include "os/fault.h"
#include "os/keep_errno.h"

namespace hak::os {

namespace {

constexpr size_t kStackBytes = 256 * 1024;  // instead of the usual 8 MiB, that a small address space may not have

bool barrier_call(int command) {
  const KeepErrno keep;
  count(g_counters.barriers);
  if (fault::refusal(fault::Call::barrier) == 0 && syscall(SYS_membarrier, command, 0, 0) == 0) return true;
  count(g_counters.barrier_refused);
  return false;
}

int create_detached(size_t stack_bytes, void* (*run)(void*), void* argument) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (stack_bytes != 0) error = pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread;
  if (error == 0) error = pthread_create(&thread, &attributes, run, argument);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

bool ExitKey::create(void (*on_exit)(void* value)) {
  created_ = pthread_key_create(&key_, on_exit) == 0;
  return created_;
}

bool ExitKey::arm(void* value) const { return created_ && pthread_setspecific(key_, value) == 0; }

pid_t thread_id() { return static_cast<pid_t>(syscall(SYS_gettid)); }

bool register_barrier() { return barrier_call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); }

bool barrier_all() { return barrier_call(MEMBARRIER_CMD_PRIVATE_EXPEDITED); }

bool start_thread(void* (*run)(void*), void* argument) {
  const KeepErrno keep;
  count(g_counters.threads);
  int error = fault::refusal(fault::Call::thread);
  if (error == 0) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    error = create_detached(kStackBytes, run, argument);
    if (error == EINVAL) error = create_detached(0, run, argument);  // a program whose TLS needs more
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (error != 0) count(g_counters.thread_refused);
  return error == 0;
}

}  // namespace hak::os
