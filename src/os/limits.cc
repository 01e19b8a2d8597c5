#include "os/limits.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <string_view>

#include "base/scan.h"
#include "os/keep_errno.h"

namespace hak::os {

namespace {

uint64_t soft_limit(__rlimit_resource resource) {
  const KeepErrno keep;
  rlimit limit = {};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  return limit.rlim_cur;
}

// The first bytes of a file of /proc or /sys; such files come in one read.
class SmallFile {
 public:
  explicit SmallFile(const char* path) {
    const KeepErrno keep;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t n = read(fd, bytes_, sizeof bytes_);
    if (n > 0) size_ = static_cast<size_t>(n);
    close(fd);
  }

  std::string_view text() const { return {bytes_, size_}; }  // empty where it can't be read

  uint64_t number_or(uint64_t otherwise) const {
    std::string_view rest = text();
    uint64_t n = otherwise;
    take_decimal(rest, n);
    return n;
  }

 private:
  char bytes_[128];
  size_t size_ = 0;
};

}  // namespace

uint64_t address_space_limit() { return soft_limit(RLIMIT_AS); }
uint64_t data_limit() { return soft_limit(RLIMIT_DATA); }
uint64_t memlock_limit() { return soft_limit(RLIMIT_MEMLOCK); }

Overcommit overcommit() {
  switch (SmallFile("/proc/sys/vm/overcommit_memory").number_or(0)) {
    case 1:
      return Overcommit::always;
    case 2:
      return Overcommit::strict;
    default:
      return Overcommit::heuristic;
  }
}

uint64_t max_map_count() { return SmallFile("/proc/sys/vm/max_map_count").number_or(65530); }

HugePages huge_pages() {
  const SmallFile file("/sys/kernel/mm/transparent_hugepage/enabled");  // "always [madvise] never"
  if (file.text().find("[always]") != std::string_view::npos) return HugePages::always;
  if (file.text().find("[madvise]") != std::string_view::npos) return HugePages::on_request;
  return HugePages::never;
}

unsigned cpu_count() {
  const KeepErrno keep;
  cpu_set_t sets[8];  // 8192 CPUs; a kernel with more refuses
  if (sched_getaffinity(0, sizeof sets, sets) != 0) return 1;
  const int n = CPU_COUNT_S(sizeof sets, sets);
  return n > 0 ? static_cast<unsigned>(n) : 1;
}

uint64_t address_end() {
  const KeepErrno keep;
  uint64_t high = getauxval(AT_EXECFN);  // a string above the first stack, from any thread
  if (high == 0) high = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return std::bit_ceil(high);
}

}  // namespace hak::os
