// The decay tick: twice in a decay period (option `decay`) one thread, whichever comes first, gives back what has been
// idle since before the last tick, wherever it is kept. Called on heartbeats and by the background thread.
#pragma once

#include <cstdint>

namespace hak {

/// Does the tick's work if one is due at `now_ms` (coarse) and no other thread is at it. Called outside of sections.
/// True where there was work that this call did: memory that is idle may be left.
bool tick_if_due(uint64_t now_ms);

/// The same for a heartbeat: while the background thread runs, only when that is late. Its own heap no thread can help.
void tick_on_heartbeat(uint64_t now_ms);

/// Goes on with what the last tick left to owners that came in between. True where something is left still.
bool go_on_with_tick();

/// ms from `now_ms` to the next tick, at most a whole period.
uint64_t ms_to_next_tick(uint64_t now_ms);

/// Keeps ticks away for a scope, for who reads what they change: waits for one that is under way, a few ms as a rule.
/// Doesn't wait in a signal handler that interrupted the allocator, which might hold what the tick waits for.
class [[nodiscard]] TickPause {
 public:
  TickPause();
  ~TickPause();
  TickPause(const TickPause&) = delete;
  TickPause& operator=(const TickPause&) = delete;

 private:
  const bool held_;
};

/// Before a fork: waits for a tick that is under way and keeps others away, where a TickPause would. After it, in the
/// parent and in the child: ticks go on. Where the fork could not wait, the thread that was at a tick, if any, stayed
/// in the parent.
void pause_ticks_for_fork();
void resume_ticks_after_fork();
void forget_tick();

/// How long from tick to tick, ms; conf::kOff: there are none.
uint64_t tick_ms();

}  // namespace hak
