// What the kernel says of this process, read without allocating: tests that measure memory must not move it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace hak::test {

/// The value of a line "NAME:   123 kB" of /proc/self/status (VmRSS, VmHWM, VmSize, VmLck, Threads), 0 when missing.
inline long status_field(const char* name) {
  char text[8192];
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return 0;
  text[n] = '\0';
  const size_t length = strlen(name);
  for (const char* line = text; line != nullptr; line = strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (strncmp(line, name, length) == 0 && line[length] == ':') return strtol(line + length + 1, nullptr, 10);
    if (*line == '\0') break;
  }
  return 0;
}

inline long resident_kib() { return status_field("VmRSS"); }
inline long peak_resident_kib() { return status_field("VmHWM"); }

/// Lines of /proc/self/maps: how many mappings the process has.
inline long count_mappings() {
  char text[16384];
  long lines = 0;
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  for (ssize_t n; (n = read(fd, text, sizeof text)) > 0;)
    for (ssize_t i = 0; i < n; i++) lines += text[i] == '\n';
  close(fd);
  return lines;
}

/// A number from a file such as /proc/sys/vm/max_map_count; `otherwise` when it can't be read.
inline long read_number(const char* file, long otherwise) {
  char text[64];
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return otherwise;
  const ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return otherwise;
  text[n] = '\0';
  return strtol(text, nullptr, 10);
}

}  // namespace hak::test
