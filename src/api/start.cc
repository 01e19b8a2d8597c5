// The library's start and end: the process is made ready before its constructors run, where nothing allocated earlier
// did it already, and the statistics are printed after its last destructor.
#include <unistd.h>

#include "api/statistics.h"
#include "base/format.h"
#include "conf/config.h"
#include "heap/process.h"
#include "os/output.h"
#include "print/stats_text.h"

namespace {

// The file that HAKMEM_STATS_FILE names, or stderr.
int open_output(std::string_view name) {
  if (name.empty()) return STDERR_FILENO;
  const int fd = hak::os::open_for_writing(name);
  if (fd >= 0) return fd;
  hak::os::message("HAKMEM_STATS_FILE can't be opened for writing; the statistics go to stderr");
  return STDERR_FILENO;
}

void print_statistics(std::string_view file) {
  const hak::api::Statistics stats;
  if (!stats) return hak::os::message("no memory for the statistics");
  int fd = open_output(file);
  char buffer[4096];
  hak::Text text(buffer, sizeof buffer, hak::os::flush_to_fd, hak::os::fd_context(fd));
  hak::print::stats_text(text, *stats);
  text.flush();
  if (fd != STDERR_FILENO) close(fd);
}

[[gnu::constructor(101)]] void at_start() { hak::start_process(); }

[[gnu::destructor(101)]] void at_end() {
  if (hak::conf::config().stats) print_statistics(hak::conf::config().stats_file.view());
}

}  // namespace
