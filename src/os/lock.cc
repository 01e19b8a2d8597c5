#include "os/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/keep_errno.h"

namespace hak::os {

constinit thread_local HeldLocks t_held = {};

namespace {

// Critical sections are a few hundred instructions, a futex wait and its wake a few microseconds.
constexpr int kSpins = 64;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");  // yield is a no-op on most cores, isb waits a few cycles
#endif
}

void futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
  const KeepErrno keep;
  syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

}  // namespace

void Lock::wait() {
  for (int i = 0; i < kSpins; ++i) {
    relax();
    uint32_t expected = 0;
    // Look before trying, so that the line stays shared while it is held. Orders as in take().
    if (state_.load(std::memory_order_relaxed) == 0 &&
        state_.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed))
      return;
  }
  // 2, for others may wait beside us. acquire as in take(). A signal, or a word that is 2 no more, only tries again.
  while (state_.exchange(2, std::memory_order_acquire) != 0) futex(state_, FUTEX_WAIT, 2);
}

void Lock::wake() { futex(state_, FUTEX_WAKE, 1); }

void Lock::reset_after_fork() {
  if (held_by_me()) end_hold();
  holder_.store(nullptr, std::memory_order_relaxed);
  state_.store(0, std::memory_order_relaxed);  // no other thread exists that could see it in another order
}

}  // namespace hak::os
