// hakmem run: starts a program with libhakmem.so preloaded. It becomes the program (execve), so signals, exit status,
// terminal and files are the program's own. Before that it says what the loader would pass over in silence.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "failure.h"
#include "launch/library.h"
#include "launch/program.h"
#include "verb.h"

namespace tool {
namespace {

void set_variable(const char* name, const std::string& value) {
  if (setenv(name, value.c_str(), 1) != 0)
    throw Failure(kOwnFailure, fmt::format("can't set {}: {}", name, std::strerror(errno)));
}

class Run : public Verb {
 public:
  void declare(Cli& cli) override {
    cli.usage("hakmem run [OPTION...] [--] PROGRAM [ARGUMENT...]");
    cli.flag("--stats", stats_, "print a table of what was allocated when a process ends");
    cli.value("--stats-file", stats_file_, "FILE", "write the table to FILE; %p in it is the process id");
    cli.value("--lib", library_, "PATH", "the libhakmem.so to use, instead of this command's own");
    cli.command(command_, "PROGRAM", "the program and its arguments");
    cli.details(
        "PROGRAM runs with libhakmem.so as its malloc, and so do the programs that it starts. Signals and the\n"
        "exit status are its own. Options of hakmem itself are HAKMEM_* variables; HAKMEM_HELP=1 lists them:\n"
        "  HAKMEM_HELP=1 hakmem run true\n"
        "\n"
        "The library is preloaded through LD_PRELOAD, in front of what is there already. This can't reach\n"
        "programs that are static, 32-bit, built for musl, or that gain rights (set-user-id, capabilities):\n"
        "run says so instead of running them without hakmem.\n"
        "\n"
        "Exit status: the program's, or\n"
        "  125  hakmem could not do its part\n"
        "  126  PROGRAM is there, but can't be executed\n"
        "  127  there is no PROGRAM\n"
        "    2  the command line is wrong\n"
        "\n"
        "Examples:\n"
        "  hakmem run python3 script.py\n"
        "  hakmem run --stats -- redis-server --port 7000\n"
        "  hakmem run --stats-file /tmp/stats.%p make -j4");
  }

  int run() override {
    const std::string library = find_library(library_);
    const std::string program = find_program(command_.front());
    require_preloadable(program);
    set_variable("LD_PRELOAD", with_preload(library, std::getenv("LD_PRELOAD")));
    if (stats_ || !stats_file_.empty()) set_variable("HAKMEM_STATS", "1");
    if (!stats_file_.empty()) set_variable("HAKMEM_STATS_FILE", std::filesystem::absolute(stats_file_));
    become(program);
  }

 private:
  [[noreturn]] void become(const std::string& program) {
    std::vector<char*> words;
    for (std::string& word : command_) words.push_back(word.data());
    words.push_back(nullptr);
    execvp(program.c_str(), words.data());  // has a slash: no search; runs files without #! by /bin/sh
    const int error = errno;
    throw Failure(error == ENOENT ? kNotFound : kNotExecutable,
                  fmt::format("can't execute {}: {}", program, std::strerror(error)));
  }

  bool stats_ = false;
  std::string stats_file_;
  std::string library_;
  std::vector<std::string> command_;
};

}  // namespace

std::unique_ptr<Verb> make_run() { return std::make_unique<Run>(); }

}  // namespace tool
