#include "heap/process.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "conf/load.h"
#include "heap/exit_key.h"
#include "heap/fork.h"
#include "heap/limit.h"
#include "heap/section.h"
#include "heap/verbose.h"
#include "map/window.h"
#include "os/lock.h"

namespace hak {

constinit os::ExitKey g_exit_key;

namespace {

enum class Started : uint8_t { no, yes, failed };

// Written once under the lock; release there pairs with acquire here: whoever sees `yes` sees the window.
constinit std::atomic<Started> g_started{Started::no};
constinit os::Lock g_start_lock{os::Rank::registry};

Started start() {
  conf::load(environ);
  if (!map::init_window(Bytes{conf::g_config.window_bytes})) return Started::failed;
  g_exit_key.create(on_thread_exit);
  prepare_sections();
  set_up_limit();
  if (conf::config().verbose) say_what_was_found();
  return Started::yes;
}

}  // namespace

bool start_process() {
  Started now = g_started.load(std::memory_order_acquire);
  if (now != Started::no) [[likely]]
    return now == Started::yes;
  const int saved_errno = errno;
  bool mine = false;
  {
    const os::LockGuard guard(g_start_lock);
    now = g_started.load(std::memory_order_relaxed);
    if (now == Started::no) {
      mine = true;
      now = start();
      g_started.store(now, std::memory_order_release);
    }
  }
  if (mine && now == Started::yes) install_fork_handler();  // may allocate: after the window stands
  errno = saved_errno;
  return now == Started::yes;
}

}  // namespace hak
