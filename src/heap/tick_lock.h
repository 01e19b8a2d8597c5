// The lock that a decay tick holds (heap/tick), apart from it, so that what a tick calls can see that it is waited for.
#pragma once

#include "os/lock.h"

namespace hak {

/// One tick at a time, however long it takes.
extern constinit os::Lock g_tick_lock;

/// Whether somebody waits for the tick that is under way to end, a fork say: what takes long is left for later. Any
/// thread.
inline bool tick_is_wanted() { return g_tick_lock.is_wanted(); }

}  // namespace hak
