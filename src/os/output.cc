#include "os/output.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/format.h"
#include "os/keep_errno.h"

namespace hak::os {
namespace {

// Not write(2)'s wrapper, which is a cancellation point: a thread must not end inside the allocator.
ssize_t write_some(int fd, std::string_view bytes) {
  return static_cast<ssize_t>(syscall(SYS_write, fd, bytes.data(), bytes.size()));
}

}  // namespace

bool write_all(int fd, std::string_view bytes) {
  const KeepErrno keep;
  while (!bytes.empty()) {
    const ssize_t n = write_some(fd, bytes);
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

void message(std::string_view line) {
  const KeepErrno keep;
  const auto part = [](std::string_view s) { return iovec{const_cast<char*>(s.data()), s.size()}; };
  const iovec parts[] = {part("hakmem: "), part(line), part("\n")};
  ssize_t n;
  do {
    n = static_cast<ssize_t>(syscall(SYS_writev, STDERR_FILENO, parts, 3));
  } while (n < 0 && errno == EINTR);
}

int open_for_writing(std::string_view name) {
  const KeepErrno keep;
  char path_bytes[4096];
  Text path(path_bytes, sizeof path_bytes);
  for (size_t i = 0; i < name.size(); ++i) {
    const char next = name[i] == '%' && i + 1 < name.size() ? name[i + 1] : '\0';
    if (next == 'p') path.add(uint64_t{static_cast<uint32_t>(getpid())});
    else path.add(name[i]);
    if (next == 'p' || next == '%') ++i;
  }
  path.add('\0');
  if (path.truncated()) return -ENAMETOOLONG;
  int fd;
  do {
    fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path_bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  } while (fd < 0 && errno == EINTR);
  return fd >= 0 ? fd : -errno;
}

void flush_to_fd(void* context, std::string_view bytes) { write_all(*static_cast<int*>(context), bytes); }

}  // namespace hak::os
