// Bytes to a file descriptor, and the one form that messages have. Called by conf, print's users and guard.
// No stdio: it allocates. errno is kept. Threads: any; async-signal-safe.
#pragma once

#include <string_view>

namespace hak::os {

/// Writes all of `bytes`, going on after signals and short writes. Returns false when the descriptor refuses
/// (closed, full disk, a pipe without reader - which also raises SIGPIPE). Source: write(2).
bool write_all(int fd, std::string_view bytes);

/// Prints "hakmem: LINE" and a newline to stderr by one system call, so that lines of threads don't mix.
/// Errors: none; what stderr refuses is lost. Source: writev(2).
void message(std::string_view line);

/// Creates or empties the file `name`, in which %p stands for the process id and %% for %. Returns a descriptor
/// (closed on exec; owned by the caller), or the errno negated: ENAMETOOLONG for a name over 4095 bytes.
/// Source: open(2).
int open_for_writing(std::string_view name);

/// As a Text's flush function; context: the descriptor, by fd_context().
void flush_to_fd(void* context, std::string_view bytes);
inline void* fd_context(int& fd) { return &fd; }

}  // namespace hak::os
