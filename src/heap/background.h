// The background thread: does the decay ticks where nobody calls the allocator any more. Started when enough memory waits to
// be given back, so never in a small process; ends when none has been waiting for a while. It never allocates, and blocks
// all signals. Option `background` forbids it, and so does a limit on the
// address space or on data: then the heartbeats of other threads do the ticks.
#pragma once

namespace hak {

/// Starts the thread if it is wanted and isn't there. Called outside of sections and locks: libc allocates for it.
void wake_background();

/// In a forked child: the thread stayed in the parent.
void forget_background();

}  // namespace hak
