#include "compare/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <iterator>

namespace tool {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};
constexpr unsigned kGraceSeconds = 2;

// Written by the handler and, under an InterruptBlock, by the one thread there is.
std::atomic<int> came{0};
std::atomic<pid_t> running{0};
static_assert(std::atomic<int>::is_always_lock_free);  // safe in a signal handler

struct sigaction before[std::size(kSignals)];

void handle(int number) {
  const bool is_first = came == 0;
  if (is_first) came = number;
  const pid_t group = running;
  if (group == 0) return;
  const int end = is_first ? SIGTERM : SIGKILL;
  if (kill(-group, end) != 0) kill(group, end);  // forked, but without its group yet
  if (is_first) alarm(kGraceSeconds);            // its SIGALRM comes here too, and is not the first
}

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kSignals) sigaddset(&set, number);
  return set;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  came = 0;
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_mask = our_signals();
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &action, &before[i]);
    const bool is_ignored = before[i].sa_handler == SIG_IGN && kSignals[i] == SIGHUP;  // by nohup(1)
    if (is_ignored) sigaction(kSignals[i], &before[i], nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  alarm(0);
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before[i], nullptr);
}

int interrupted_by() { return came; }

InterruptBlock::InterruptBlock() {
  const sigset_t set = our_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

InterruptBlock::~InterruptBlock() {
  const sigset_t set = our_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

void interrupt_group(pid_t group) {
  running = group;
  if (group == 0) alarm(0);
}

}  // namespace tool
