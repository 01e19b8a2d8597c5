#include "os/own_thread.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/sanitizer.h"
#include "os/counters.h"
#include "os/fault.h"
#include "os/keep_errno.h"

namespace hak::os {
namespace {

constexpr size_t kStackBytes = 64 * 1024;
constexpr ptrdiff_t kTlsReach = 16 * 1024;  // on either side of the thread pointer
constexpr ptrdiff_t kModuleReach = 1024;    // around a variable: the others of its module that run() may touch

// In .bss: pages that nobody touches cost nothing, and a limit on the address space can't refuse them later.
alignas(64) constinit char g_stack[kStackBytes] = {};
alignas(64) constinit char g_tls[2 * kTlsReach] = {};

constexpr pid_t kNone = 0;
constexpr pid_t kStarting = -1;

// The thread's id. The kernel writes it before the thread runs, and clears it when the thread has left its stack for
// good (CLONE_CHILD_CLEARTID). acquire: the next thread on this stack is ordered after the last.
constinit std::atomic<pid_t> g_tid{kNone};

// There will never be one in this process: found at the first try. Relaxed: a late look finds it again.
constinit std::atomic<bool> g_impossible{false};

constinit __thread char t_anchor = 0;  // where this module's thread-local variables lie

char* thread_pointer() {
#if defined(__x86_64__)
  char* self;
  __asm__("mov %%fs:0, %0" : "=r"(self));  // System V ABI: the word at the thread pointer is its address
  return self;
#else
  return static_cast<char*>(__builtin_thread_pointer());
#endif
}

bool is_within_reach(const void* variable) {
  const ptrdiff_t at = static_cast<const char*>(variable) - thread_pointer();
  return at - kModuleReach >= -kTlsReach && at + kModuleReach <= kTlsReach;
}

// libc's errno and this module's variables lie at the same distance from every thread's pointer (static TLS).
bool fits_tls() { return is_within_reach(&errno) && is_within_reach(&t_anchor); }

char* prepare_tls() {
  char* const pointer = g_tls + kTlsReach;
#if defined(__x86_64__)
  constexpr ptrdiff_t kSelf = 16;  // glibc's tcbhead_t: what it calls the thread's descriptor
  *reinterpret_cast<char**>(pointer) = pointer;
  *reinterpret_cast<char**>(pointer + kSelf) = pointer;
#endif
  return pointer;
}

// Memcheck counts a program's threads when it ends, and aborts where one lives that it can't end. Asked by instructions
// that do nothing on a processor. Source: The Valgrind Manual, "The Client Request mechanism"; valgrind.h.
bool runs_on_valgrind() {
#if defined(__x86_64__)
  constexpr uint64_t kRunningOnValgrind = 0x1001;
  const uint64_t request[6] = {kRunningOnValgrind};
  uint64_t answer = 0;
  __asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
                   : "+d"(answer)
                   : "a"(request)
                   : "cc", "memory");
  return answer != 0;
#else
  return false;
#endif
}

// Thread-local variables are found by a call of libc's, which looks for what our thread doesn't have.
#if defined(HAKMEM_TLS_BY_CALL)
constexpr bool kTlsByCall = true;
#else
constexpr bool kTlsByCall = false;
#endif

bool is_impossible() { return kTlsByCall || !fits_tls() || runs_on_valgrind(); }

int enter(void* run) {
  prctl(PR_SET_NAME, "hakmem", 0, 0, 0);  // for ps and debuggers; without it, the program's name
  reinterpret_cast<void (*)()>(run)();
  return 0;
}

bool clone_thread(void (*run)()) {
  constexpr int kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                         CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  return clone(enter, g_stack + kStackBytes, kFlags, reinterpret_cast<void*>(run), &g_tid, prepare_tls(), &g_tid) != -1;
}

}  // namespace

bool start_own_thread(void (*run)()) {
  if (kThreadSanitizer || g_impossible.load(std::memory_order_relaxed)) return false;  // it crashes on foreign threads
  pid_t none = kNone;
  if (!g_tid.compare_exchange_strong(none, kStarting, std::memory_order_acquire, std::memory_order_relaxed))
    return false;
  const KeepErrno keep;
  count(g_counters.threads);
  bool started = false;
  if (is_impossible()) {
    g_impossible.store(true, std::memory_order_relaxed);
  } else if (fault::refusal(fault::Call::thread) == 0) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    started = clone_thread(run);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (started) return true;
  count(g_counters.thread_refused);
  g_tid.store(kNone, std::memory_order_relaxed);
  return false;
}

bool own_thread_runs() { return g_tid.load(std::memory_order_relaxed) != kNone; }

void forget_own_thread() { g_tid.store(kNone, std::memory_order_relaxed); }

void sleep_own_thread(unsigned long us) {
  const timespec left{static_cast<time_t>(us / 1'000'000), static_cast<long>(us % 1'000'000 * 1000)};
  syscall(SYS_nanosleep, &left, nullptr);  // no signal interrupts it: all are blocked
}

}  // namespace hak::os
