// The library's start and end: the process is made ready before its constructors run, where nothing allocated earlier
// did it already, and the statistics are printed after its last destructor.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/statistics.h"
#include "base/format.h"
#include "conf/config.h"
#include "heap/process.h"
#include "os/output.h"
#include "print/stats_text.h"

namespace {

// stderr as it was at the start. A copy of it, out of the way of the program's descriptors: many programs (all of
// coreutils) close stderr at their end, before the statistics are printed. And what it led to: by then the program may
// have opened something of its own under either number.
struct FirstStderr {
  bool is_known = false;
  dev_t device = 0;
  ino_t file = 0;
  int copy = -1;
};
constinit FirstStderr g_first_stderr;

void remember_stderr() {
  struct stat info;
  if (fstat(STDERR_FILENO, &info) != 0) return;
  g_first_stderr = {.is_known = true, .device = info.st_dev, .file = info.st_ino};
  for (const int least : {900, 100, 3})  // RLIMIT_NOFILE may be low
    if ((g_first_stderr.copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, least)) >= 0) return;
}

bool leads_to_first_stderr(int fd) {
  struct stat info;
  return g_first_stderr.is_known && fstat(fd, &info) == 0 && info.st_dev == g_first_stderr.device &&
         info.st_ino == g_first_stderr.file;
}

// -1: it is there no more, or never was.
int open_stderr() {
  for (const int fd : {STDERR_FILENO, g_first_stderr.copy})
    if (fd >= 0 && leads_to_first_stderr(fd)) return fd;
  return -1;
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
  if (fd < 0) return;
  char buffer[4096];
  hak::Text text(buffer, sizeof buffer, hak::os::flush_to_fd, hak::os::fd_context(fd));
  hak::print::stats_text(text, *stats);
  text.flush();
  if (fd != STDERR_FILENO && fd != g_first_stderr.copy) close(fd);
}

[[gnu::constructor(101)]] void at_start() {
  if (hak::start_process() && hak::conf::config().stats) remember_stderr();
}

[[gnu::destructor(101)]] void at_end() {
  if (hak::conf::config().stats) print_statistics(hak::conf::config().stats_file.view());
}

}  // namespace
