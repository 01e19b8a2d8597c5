#include "support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

extern char** environ;

namespace hak::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostOutput = size_t{1} << 20;  // what is said beyond it is read and dropped

std::vector<std::string> environment(const Command& command) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : command.env) replaced = replaced || text.rfind(name + "=", 0) == 0;
    if (!replaced) all.push_back(text);
  }
  for (const auto& [name, value] : command.env)
    if (!value.empty()) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (const std::string& s : strings) all.push_back(const_cast<char*>(s.c_str()));
  all.push_back(nullptr);
  return all;
}

[[noreturn]] void become(const Command& command, char** argv, char** env, int out, int err) {
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(out, 1);
  dup2(err, 2);
  for (const Limit& limit : command.limits) {
    const rlimit both = {limit.value, limit.value};
    if (setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &both) != 0) _exit(126);
  }
  execvpe(argv[0], argv, env);
  _exit(127);
}

// Reads both pipes to their ends, or until the deadline. Returns false at the deadline.
bool collect(int out, int err, Outcome& outcome, Clock::time_point deadline) {
  pollfd ends[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* const into[2] = {&outcome.out, &outcome.err};
  char buffer[16384];
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (poll(ends, 2, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    for (int i = 0; i < 2; i++) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const ssize_t n = read(ends[i].fd, buffer, sizeof buffer);
      if (n > 0 && into[i]->size() < kMostOutput) into[i]->append(buffer, static_cast<size_t>(n));
      else if (n == 0 || (n < 0 && errno != EINTR)) ends[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

std::string Outcome::describe() const {
  const auto short_of = [](const std::string& said) {
    constexpr size_t kMost = 3000;
    return said.size() <= kMost ? said : said.substr(0, kMost) + "... (" + std::to_string(said.size()) + " bytes)";
  };
  std::string text = timed_out     ? "timed out"
                     : signal != 0 ? "ended by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")"
                                   : "ended with status " + std::to_string(status);
  text += " after " + std::to_string(seconds) + " s, peak " + std::to_string(peak_kib) + " KiB\n";
  text += "stdout: " + short_of(out) + "\nstderr: " + short_of(err);
  return text;
}

std::pair<std::string, std::string> preload(const std::string& library) { return {"LD_PRELOAD", library}; }

Outcome run(const Command& command) {
  Outcome outcome;
  const std::vector<std::string> env_strings = environment(command);
  std::vector<char*> argv = pointers(command.argv);
  std::vector<char*> env = pointers(env_strings);
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return outcome;
  const auto start = Clock::now();
  const pid_t pid = fork();
  if (pid == 0) become(command, argv.data(), env.data(), out[1], err[1]);
  setpgid(pid, pid);
  close(out[1]);
  close(err[1]);
  if (!collect(out[0], err[0], outcome, start + std::chrono::milliseconds(command.timeout_ms))) {
    outcome.timed_out = true;
    kill(-pid, SIGKILL);
  }
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  close(out[0]);
  close(err[0]);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  outcome.peak_kib = usage.ru_maxrss;
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  return outcome;
}

}  // namespace hak::test
