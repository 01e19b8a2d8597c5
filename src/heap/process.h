// The process's start, and what every thread needs of it. Called by slow paths that meet a thread without a heap, and
// by api/start.cc.
#pragma once

namespace hak {

/// Reads the options, finds the window, installs fork handlers and the thread-exit key; once, on the first call.
/// Returns false when the system has no address range for us: nothing can be allocated then. Keeps errno.
/// Threads: any; the others wait. May be called before libc's constructors have run.
bool start_process();

}  // namespace hak
