#include "os/limits.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

// The first bytes of a file of /proc or /sys; such files come in one read. Not by open(2)'s wrapper and its kin, which
// are cancellation points: a thread must not end inside the allocator, with a lock held perhaps.
class SmallFile {
 public:
  explicit SmallFile(const char* path) {
    const KeepErrno keep;
    const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const long n = syscall(SYS_read, fd, bytes_, sizeof bytes_);
    if (n > 0) size_ = static_cast<size_t>(n);
    syscall(SYS_close, fd);
  }

  std::string_view text() const { return {bytes_, size_}; }  // empty where it can't be read

  uint64_t number_or(uint64_t otherwise) const {
    std::string_view rest = text();
    uint64_t n = otherwise;
    take_decimal(rest, n);
    return n;
  }

 private:
  char bytes_[4096];
  size_t size_ = 0;
};

// Path names of cgroups, put together in a buffer.
class Path {
 public:
  Path(std::string_view root, std::string_view group) {
    add(root);
    add(group);
  }
  void add(std::string_view part) {
    for (const char c : part)
      if (size_ < sizeof bytes_ - 1) bytes_[size_++] = c;
  }
  // The path with a file's name behind it; the path itself stays.
  const char* with(std::string_view file) {
    const size_t size = size_;
    add("/");
    add(file);
    bytes_[size_] = '\0';
    size_ = size;
    return bytes_;
  }
  // Takes the last part off; false where only `root_size` bytes are left.
  bool up(size_t root_size) {
    while (size_ > root_size && bytes_[size_ - 1] != '/') size_--;
    if (size_ <= root_size) return false;
    size_--;
    return true;
  }

 private:
  char bytes_[2048];
  size_t size_ = 0;
};

// "max" is no number, and version 1 has a huge one for it.
uint64_t limit_in(const char* path) {
  constexpr uint64_t kHuge = uint64_t{1} << 60;
  const uint64_t n = SmallFile(path).number_or(kUnlimited);
  return n < kHuge ? n : kUnlimited;
}

uint64_t least_limit(std::string_view root, std::string_view group, std::string_view file) {
  Path path(root, group == "/" ? std::string_view() : group);
  uint64_t least = limit_in(path.with(file));
  while (path.up(root.size())) {
    const uint64_t limit = limit_in(path.with(file));
    if (limit < least) least = limit;
  }
  return least;
}

}  // namespace

uint64_t address_space_limit() { return soft_limit(RLIMIT_AS); }
uint64_t data_limit() { return soft_limit(RLIMIT_DATA); }

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

uint64_t mapping_count() {
  const KeepErrno keep;
  const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char bytes[4096];
  uint64_t lines = 0;
  for (long n; (n = syscall(SYS_read, fd, bytes, sizeof bytes)) > 0;)
    for (long i = 0; i < n; i++) lines += bytes[i] == '\n';
  syscall(SYS_close, fd);
  return lines;
}

HugePages huge_pages() {
  const SmallFile file("/sys/kernel/mm/transparent_hugepage/enabled");  // "always [madvise] never"
  if (file.text().find("[always]") != std::string_view::npos) return HugePages::always;
  if (file.text().find("[madvise]") != std::string_view::npos) return HugePages::on_request;
  return HugePages::never;
}

uint64_t huge_page_bytes() {
  return SmallFile("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").number_or(uint64_t{2} << 20);
}

unsigned cpu_count() {
  const KeepErrno keep;
  cpu_set_t sets[8];  // 8192 CPUs; a kernel with more refuses
  if (sched_getaffinity(0, sizeof sets, sets) != 0) return 1;
  const int n = CPU_COUNT_S(sizeof sets, sets);
  return n > 0 ? static_cast<unsigned>(n) : 1;
}

// Lines of /proc/self/cgroup: "0::/group" of version 2, "7:memory:/group" of version 1.
uint64_t cgroup_memory_limit(const char* root) {
  const std::string_view mount = root != nullptr ? root : "/sys/fs/cgroup";
  const SmallFile file("/proc/self/cgroup");
  std::string_view lines = file.text();
  uint64_t least = kUnlimited;
  while (!lines.empty()) {
    std::string_view group = take_until(lines, '\n');
    take_until(group, ':');
    const std::string_view controllers = take_until(group, ':');
    uint64_t limit = kUnlimited;
    if (controllers.empty()) {
      limit = least_limit(mount, group, "memory.max");
    } else if (controllers.find("memory") != std::string_view::npos) {
      Path version1(mount, "/memory");
      limit = least_limit({version1.with(""), mount.size() + sizeof "/memory" - 1}, group, "memory.limit_in_bytes");
    }
    if (limit < least) least = limit;
  }
  return least;
}

uint64_t address_end() {
  const KeepErrno keep;
  uint64_t high = getauxval(AT_EXECFN);  // a string above the first stack, from any thread
  if (high == 0) high = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return std::bit_ceil(high);
}

}  // namespace hak::os
