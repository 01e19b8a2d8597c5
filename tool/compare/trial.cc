#include "compare/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "compare/interrupt.h"
#include "failure.h"

namespace tool {
namespace {

constexpr off_t kOutputMost = 8 << 20;      // of the output that is searched for the metric
constexpr size_t kOutputKept = 32 << 10;    // of it, for messages
constexpr uint64_t kExecBytes = 256 << 10;  // what a child may touch between its report and execve
constexpr off_t kTestimonyMost = 1 << 30;   // all of it: a hundred bytes a process

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close_now(); }
  void close_now() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }
  int operator*() const { return number_; }

 private:
  int number_;
};

struct Pipe {
  Descriptor read, write;
};

[[noreturn]] void fail(const char* what) {
  throw Failure(kOwnFailure, fmt::format("{}: {}", what, std::strerror(errno)));
}

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("can't make a pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string temporary_folder() {
  const char* const variable = std::getenv("TMPDIR");
  return variable != nullptr && *variable != '\0' ? variable : "/tmp";
}

// A file with a name, for the witnesses to find; gone with the object.
class NamedFile {
 public:
  NamedFile()
      : name_(temporary_folder() + "/hakmem-compare-XXXXXX"), file_(mkostemp(name_.data(), O_APPEND | O_CLOEXEC)) {
    if (*file_ < 0) fail(fmt::format("can't make a temporary file in {}", temporary_folder()).c_str());
  }
  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;
  ~NamedFile() { unlink(name_.c_str()); }
  const std::string& name() const { return name_; }
  int operator*() const { return *file_; }

 private:
  std::string name_;
  Descriptor file_;
};

double now_s() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// What the child says just before it becomes the program, and again, with the error, where it can't. Usage up to then is
// the child's own, not the program's.
struct Start {
  double time_s;
  rusage usage;
  int error;
};

struct Child {
  const char* path;
  std::vector<char*> words;
  std::vector<char*> environment;
  int input, output, report;
};

[[noreturn]] void become(const Child& child) {
  setsid();                          // no terminal to stop at, and a group that can be ended as a whole
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // should this command be killed itself
  for (const int number : {SIGINT, SIGTERM, SIGQUIT, SIGALRM}) signal(number, SIG_DFL);
  dup2(child.input, 0);
  dup2(child.output, 1);
  dup2(child.output, 2);
  environ = const_cast<char**>(child.environment.data());
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  Start start = {};
  getrusage(RUSAGE_SELF, &start.usage);
  start.time_s = now_s();
  [[maybe_unused]] ssize_t written = write(child.report, &start, sizeof start);
  execvp(child.path, child.words.data());  // has a slash: no search; runs files without #! by /bin/sh
  start.error = errno;
  written = write(child.report, &start, sizeof start);
  _exit(kNotExecutable);
}

// What the user preloads stays in front: the witness says if it is a malloc. The C library is preloaded too where its
// malloc is to be measured: programs that are linked with an allocator (redis-server) would use that one.
std::string preload_list(const Program& program, const Allocator& allocator) {
  const char* const own = std::getenv("LD_PRELOAD");
  std::string list = own != nullptr && *own != '\0' ? std::string(own) + ":" : "";
  list += allocator.is_glibc() ? "libc.so.6" : allocator.library;
  return list + ":" + program.witness;
}

// Ours, with `variables` in place of those of the same names.
std::vector<std::string> make_environment(std::vector<std::string> variables) {
  const auto is_set = [&variables, set = variables.size()](std::string_view text) {
    const std::string_view name = text.substr(0, text.find('=') + 1);
    return std::any_of(variables.begin(), variables.begin() + static_cast<std::ptrdiff_t>(set),
                       [name](const std::string& one) { return one.starts_with(name); });
  };
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!is_set(*variable)) variables.emplace_back(*variable);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// What is in the pipe by now; doesn't wait for processes that still hold its other end.
std::string drain(int descriptor) {
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[8192];
  for (ssize_t size; (size = read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(size));
  return text;
}

// The last `most` bytes of a file, in a mapping of their own: what comes to lie in the heap the next child begins with.
class EndOfFile {
 public:
  EndOfFile(int file, off_t most) {
    const off_t size = lseek(file, 0, SEEK_END);
    const off_t from = std::max<off_t>(0, size - most);
    if (size <= from) return;
    bytes_ = static_cast<size_t>(size - from);
    start_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start_ == MAP_FAILED) return;
    const ssize_t got = pread(file, start_, bytes_, from);
    text_ = {static_cast<const char*>(start_), static_cast<size_t>(std::max<ssize_t>(0, got))};
  }
  EndOfFile(const EndOfFile&) = delete;
  EndOfFile& operator=(const EndOfFile&) = delete;
  ~EndOfFile() {
    if (start_ != MAP_FAILED) munmap(start_, bytes_);
  }
  std::string_view text() const { return text_; }

 private:
  void* start_ = MAP_FAILED;
  size_t bytes_ = 0;
  std::string_view text_;
};

void read_output(int file, const Metric* metric, Trial& trial) {
  const EndOfFile output(file, kOutputMost);
  const std::string_view text = output.text();
  if (metric != nullptr) trial.run.metric = metric->find(text, trial.no_metric).value_or(0);
  trial.output = text.substr(text.size() - std::min(text.size(), kOutputKept));
}

// Whether it ended in that time. Source: pidfd_open(2), Linux 5.3.
bool ends_within(pid_t process, double most_s) {
  const Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (*handle < 0) {
    const int error = errno;
    kill(-process, SIGKILL);
    errno = error;
    fail("can't watch a process, as --timeout needs it");
  }
  const double deadline = now_s() + most_s;
  pollfd entry = {*handle, POLLIN, 0};
  for (;;) {
    const double left_ms = std::ceil((deadline - now_s()) * 1000);
    if (left_ms <= 0) return false;
    if (poll(&entry, 1, left_ms < INT_MAX ? static_cast<int>(left_ms) : INT_MAX) > 0) return true;
  }
}

// Waits, then ends what the program left in its group: it would disturb the next run.
double wait_for_end(pid_t process, int& status, rusage& usage) {
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const double end = now_s();
  const InterruptBlock block;
  interrupt_group(0);
  kill(-process, SIGKILL);
  while (wait4(process, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  return end;
}

Run measured(const Start& start, double end_s, const rusage& usage) {
  Run run;
  run.wall_s = end_s - start.time_s;
  run.user_s = std::max(0.0, seconds(usage.ru_utime) - seconds(start.usage.ru_utime));
  run.system_s = std::max(0.0, seconds(usage.ru_stime) - seconds(start.usage.ru_stime));
  run.peak_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  run.least_rss_bytes = static_cast<uint64_t>(start.usage.ru_maxrss) * 1024 + kExecBytes;
  run.minor_faults = static_cast<uint64_t>(usage.ru_minflt - start.usage.ru_minflt);
  run.major_faults = static_cast<uint64_t>(usage.ru_majflt - start.usage.ru_majflt);
  return run;
}

// fork, not posix_spawn: a child that shares our memory would hand its peak RSS on to the program.
pid_t start_child(const Child& child) {
  const InterruptBlock block;
  const pid_t process = fork();
  if (process < 0) fail("can't start a process");
  if (process == 0) become(child);
  interrupt_group(process);
  return process;
}

}  // namespace

Trial run_trial(const Program& program, const Allocator& allocator, const Metric* metric) {
  const Descriptor input(open(program.input.c_str(), O_RDONLY | O_CLOEXEC));
  if (*input < 0)
    throw Failure(kOwnFailure, fmt::format("can't read {} (from --stdin): {}", program.input, std::strerror(errno)));
  const NamedFile output, testimony;
  Pipe report = make_pipe();
  std::vector<std::string> set = allocator.variables;
  set.push_back("LD_PRELOAD=" + preload_list(program, allocator));
  set.push_back("LIBHAKMEM_WITNESS=" + testimony.name());
  std::vector<std::string> variables = make_environment(std::move(set));
  std::vector<std::string> words = program.words;
  const pid_t process =
      start_child({program.path.c_str(), pointers(words), pointers(variables), *input, *output, *report.write});
  report.write.close_now();

  Trial trial;
  rusage usage = {};
  trial.is_out_of_time = program.most_seconds > 0 && !ends_within(process, program.most_seconds);
  if (trial.is_out_of_time) kill(-process, SIGKILL);
  const double end_s = wait_for_end(process, trial.wait_status, usage);
  const std::string reports = drain(*report.read);
  Start start = {};
  if (reports.size() >= sizeof start) std::memcpy(&start, reports.data() + reports.size() - sizeof start, sizeof start);
  if (start.error != 0)
    throw Failure(start.error == ENOENT ? kNotFound : kNotExecutable,
                  fmt::format("can't execute {}: {}", program.path, std::strerror(start.error)));
  trial.run = measured(start, end_s, usage);
  read_output(*output, metric, trial);
  trial.judgement = judge(std::string(EndOfFile(*testimony, kTestimonyMost).text()), process, allocator);
  return trial;
}

std::string describe_end(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exit status {}", WEXITSTATUS(wait_status));
  const char* const name = sigabbrev_np(WTERMSIG(wait_status));
  return name == nullptr ? fmt::format("ended by signal {}", WTERMSIG(wait_status))
                         : fmt::format("ended by SIG{}", name);
}

}  // namespace tool
