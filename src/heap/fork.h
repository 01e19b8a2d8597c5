// fork(2): the child gets a consistent allocator, and memory of threads that stayed in the parent stays valid and
// freeable. Of all locks only the tick's is held across the fork (heap/fork.cc says why).
#pragma once

namespace hak {

/// Installs the child's handler; once. libc runs it on every fork. Source: pthread_atfork(3).
void install_fork_handler();

}  // namespace hak
