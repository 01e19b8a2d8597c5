// Runs a program in a child process: with its own environment and resource limits, its output captured, within a time
// limit. Used by tests that expect a process to die, or to live under a limit.
#pragma once

#include <sys/resource.h>

#include <string>
#include <utility>
#include <vector>

namespace hak::test {

struct Limit {
  int resource;  // RLIMIT_AS, ...
  rlim_t value;  // soft and hard
};

struct Command {
  std::vector<std::string> argv;                           // argv[0] is looked up in PATH
  std::vector<std::pair<std::string, std::string>> env{};  // added to the environment; an empty value removes
  std::vector<Limit> limits{};                             // set after fork, before exec
  int timeout_ms = 60'000;
};

struct Outcome {
  int status = -1;  // exit status, or -1 when a signal ended it
  int signal = 0;
  bool timed_out = false;  // then killed by SIGKILL
  std::string out, err;
  long peak_kib = 0;  // peak resident memory; at least the forking process's own
  double seconds = 0;

  bool ok() const { return status == 0; }
  /// How it ended and what it said, for a failure's message.
  std::string describe() const;
};

/// Runs it to its end. A program that can't be executed ends with status 127.
Outcome run(const Command& command);

/// The environment that puts `library` (a path; empty: none) in front of malloc.
std::pair<std::string, std::string> preload(const std::string& library);

}  // namespace hak::test
