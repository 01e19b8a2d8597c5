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

using Words = std::vector<std::string>;

// The words as posix_spawn wants them; they have to stay. Made once, so that a start allocates nothing here.
std::vector<char*> pointers_to(Words& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Starts the command and waits for it; its output goes to `output`, or nowhere.
void start(const std::vector<char*>& command, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child;
  int status = 0;
  if (posix_spawn(&child, command[0], &actions, nullptr, command.data(), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0)
    give_up("the tiny program");
  posix_spawn_file_actions_destroy(&actions);
}

struct Looked {
  char library[PATH_MAX] = "";
  unsigned long peak_kib = 0;
};

Looked look(Words words) {
  words.insert(words.begin() + 1, "--look");
  int ends[2];
  if (pipe(ends) != 0) give_up("a pipe");
  start(pointers_to(words), ends[1]);
  close(ends[1]);
  FILE* const answer = fdopen(ends[0], "r");
  Looked looked;
  if (answer == nullptr || std::fscanf(answer, "%4095[^\n]\n%lu", looked.library, &looked.peak_kib) != 2)
    give_up("the tiny program's answer");
  std::fclose(answer);
  return looked;
}

std::string tiny_program() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  const std::string program(self, length > 0 ? static_cast<size_t>(length) : 0);
  return program.substr(0, program.rfind('/') + 1) + "tiny";
}

// Without sizes the program has its own. Many sizes are no arguments to hand on: the first thousand then take turns.
Words command(uint64_t blocks, const Sizes& sizes, uint64_t seed) {
  constexpr uint64_t kMostSizes = 1000;
  Words words = {tiny_program(), std::to_string(blocks)};
  if (sizes.least == 0) return words;
  Random random(seed);
  for (uint64_t i = 0; i < std::min(blocks, kMostSizes); i++) words.push_back(std::to_string(sizes.pick(random)));
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes;
  uint64_t threads = 1, starts = 500, blocks = 20, seed = 1;
  double seconds_wanted = 1;
  Load load("startup", "starts a tiny program again and again");
  load.add("threads", threads, "threads that start programs side by side");
  load.add("blocks", blocks, "blocks that the program allocates");
  load.add("sizes", sizes,
           "sizes of the blocks, from 16; without, 16 bytes to 2 KiB in turn, each twice the one before");
  load.add("seconds", seconds_wanted, "how long, when no starts are given");
  load.add("starts", starts, "how often in each thread; 0: until the time is up", 0);
  load.add("seed", seed, "of the random sizes, which are the same at each start");
  load.seconds_replace("starts");
  load.begin(argc, argv);
  if (sizes.least != 0 && sizes.least < 16) load.fail("--sizes begin at 16");

  Words words = command(blocks, sizes, seed);
  const Looked looked = look(words);
  if (load.allocator().path != looked.library) {
    std::fprintf(stderr, "startup: refused: malloc is %s's here and %s's in the program started\n",
                 load.allocator().path.c_str(), looked.library);
    return 3;
  }
  const std::vector<char*> tiny = pointers_to(words);
  std::atomic<uint64_t> operations = 0;
  const double seconds = run_together(threads, [&](uint64_t) {
    Repeats repeats(starts, seconds_wanted);
    while (repeats.next()) start(tiny, -1);
    operations += repeats.done();
  });
  return load.end({.operation = "start",
                   .operations = operations,
                   .seconds = seconds,
                   .values = {{"program_peak_rss_bytes", static_cast<double>(looked.peak_kib) * 1024}}});
}
