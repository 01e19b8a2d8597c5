// The decay tick: twice in a decay period (option `decay`) one thread, whichever comes first, gives back what has been idle
// since before the last tick, wherever it is kept. Called on heartbeats and by the background thread.
#pragma once

#include <cstdint>

namespace hak {

/// Does the tick's work if one is due at `now_ms` (coarse) and no other thread is at it. Called outside of sections.
/// True where there was work that this call did: memory that is idle may be left.
bool tick_if_due(uint64_t now_ms);

/// How long from tick to tick, ms; conf::kOff: there are none.
uint64_t tick_ms();

}  // namespace hak
