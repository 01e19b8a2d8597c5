// Ctrl-C, a terminal that is closed, and their kin while programs are measured: the program is stopped, what was measured
// is still printed.
#pragma once

#include <sys/types.h>

namespace tool {

/// From construction on SIGINT, SIGTERM, SIGQUIT and SIGHUP, where it isn't ignored, end the running program instead of
/// this command: SIGTERM to its process group, SIGKILL if it is still there two seconds later, or at a second signal. One
/// object at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// The signal that came, or 0.
int interrupted_by();

/// While an object lives, the signals wait.
class InterruptBlock {
 public:
  InterruptBlock();
  ~InterruptBlock();
  InterruptBlock(const InterruptBlock&) = delete;
  InterruptBlock& operator=(const InterruptBlock&) = delete;
};

/// The process group that a signal ends; 0: none. Set it under an InterruptBlock.
void interrupt_group(pid_t group);

}  // namespace tool
