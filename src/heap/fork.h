// fork(2): the child gets consistent locks, and memory of threads that stayed in the parent stays valid and freeable.
#pragma once

namespace hak {

/// Installs the handlers; once. libc runs them on every fork. Source: pthread_atfork(3).
void install_fork_handlers();

}  // namespace hak
