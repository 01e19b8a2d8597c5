// The background thread: does the decay ticks where nobody calls the allocator any more. Started when enough memory
// waits to be given back, or may soon (expect_quiet), so never in a small process; ends when none has been waiting for a
// while. Option `background`
// forbids it: then the heartbeats of other threads do the ticks. Not libc's thread (os/own_thread.h says why).
#pragma once

#include <cstdint>

namespace hak {

// Units, 4 MiB: what less is at stake is not worth a thread.
constexpr uint64_t kWorthAThread = 64;

/// A heap that is at work holds enough, or is one of many, that pages of it are worth giving back when its owner has
/// become idle: the thread is wanted until then. Any place.
void expect_quiet();

/// Starts the thread if it is wanted and isn't there. May be called from any place.
void wake_background();

/// In a forked child: the thread stayed in the parent.
void forget_background();

}  // namespace hak
