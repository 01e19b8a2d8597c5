// Keeps errno over a scope: a system call that the allocator makes is none of the program's.
#pragma once

#include <cerrno>

namespace hak::os {

class KeepErrno {
 public:
  KeepErrno() : kept_(errno) {}
  ~KeepErrno() { errno = kept_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  const int kept_;
};

}  // namespace hak::os
