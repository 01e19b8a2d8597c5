// The thread-exit hook: created by process.cc, armed and run by thread.cc.
#pragma once

#include "os/thread.h"

namespace hak {

extern constinit os::ExitKey g_exit_key;

/// Parks the heap in the last round of a thread's destructors. Called by libc.
void on_thread_exit(void* heap);

}  // namespace hak
