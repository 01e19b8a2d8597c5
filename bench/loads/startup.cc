// What an allocator costs a program that hardly needs one: starts a tiny program again and again.
// Source: our own, after lmbench's process tests (McVoy, Staelin, USENIX 1996). The tiny program is tiny.c.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "support/load.h"

namespace {

using namespace hak::bench;

// Starts the tiny program and waits for it; its output goes to `output`, or nowhere.
void start(const std::string& program, int output) {
  const char* arguments[] = {program.c_str(), output >= 0 ? "--look" : nullptr, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child;
  int status = 0;
  if (posix_spawn(&child, program.c_str(), &actions, nullptr, const_cast<char**>(arguments), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0)
    give_up("the tiny program");
  posix_spawn_file_actions_destroy(&actions);
}

struct Looked {
  char library[PATH_MAX] = "";
  unsigned long peak_kib = 0;
};

Looked look(const std::string& program) {
  int ends[2];
  if (pipe(ends) != 0) give_up("a pipe");
  start(program, ends[1]);
  close(ends[1]);
  FILE* const answer = fdopen(ends[0], "r");
  Looked looked;
  if (answer == nullptr || std::fscanf(answer, "%4095[^\n]\n%lu", looked.library, &looked.peak_kib) != 2)
    give_up("the tiny program's answer");
  std::fclose(answer);
  return looked;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t starts = 500;
  Load load("startup", "starts a tiny program again and again");
  load.add("starts", starts, "how often");
  load.begin(argc, argv);

  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::string program(self, length > 0 ? static_cast<size_t>(length) : 0);
  program = program.substr(0, program.rfind('/') + 1) + "tiny";
  const Looked looked = look(program);
  if (load.allocator().path != looked.library) {
    std::fprintf(stderr, "startup: refused: malloc is %s's here and %s's in the program started\n",
                 load.allocator().path.c_str(), looked.library);
    return 3;
  }
  const uint64_t begin = now_ns();
  for (uint64_t i = 0; i < starts; i++) start(program, -1);
  return load.end({.operation = "start",
                   .operations = starts,
                   .seconds = seconds_since(begin),
                   .values = {{"program_peak_rss_bytes", static_cast<double>(looked.peak_kib) * 1024}}});
}
