// The library's start and end: the process is made ready before its constructors run, where nothing allocated earlier
// did it already, and the statistics are printed after its last destructor.
#include <fcntl.h>
#include <unistd.h>

#include "api/statistics.h"
#include "base/format.h"
#include "conf/config.h"
#include "heap/process.h"
#include "os/output.h"
#include "print/stats_text.h"

namespace {

// stderr as it was at the start, out of the way of the program's descriptors: many programs (all of coreutils) close
// stderr at their end, before the statistics are printed. -1: none.
constinit int g_first_stderr = -1;
constexpr int kOutOfTheWay = 900;

int open_stderr() {
  const bool is_open = fcntl(STDERR_FILENO, F_GETFD) >= 0;
  return is_open || g_first_stderr < 0 ? STDERR_FILENO : g_first_stderr;
}

// The file that HAKMEM_STATS_FILE names, or stderr.
int open_output(std::string_view name) {
  if (name.empty()) return open_stderr();
  const int fd = hak::os::open_for_writing(name);
  if (fd >= 0) return fd;
  hak::os::message("HAKMEM_STATS_FILE can't be opened for writing; the statistics go to stderr");
  return open_stderr();
}

void print_statistics(std::string_view file) {
  const hak::api::Statistics stats;
  if (!stats) return hak::os::message("no memory for the statistics");
  int fd = open_output(file);
  char buffer[4096];
  hak::Text text(buffer, sizeof buffer, hak::os::flush_to_fd, hak::os::fd_context(fd));
  hak::print::stats_text(text, *stats);
  text.flush();
  if (fd != STDERR_FILENO && fd != g_first_stderr) close(fd);
}

[[gnu::constructor(101)]] void at_start() {
  if (!hak::start_process() || !hak::conf::config().stats || !hak::conf::config().stats_file.empty()) return;
  g_first_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kOutOfTheWay);
}

[[gnu::destructor(101)]] void at_end() {
  if (hak::conf::config().stats) print_statistics(hak::conf::config().stats_file.view());
}

}  // namespace
