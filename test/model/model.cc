// Random operations over the whole interface against an oracle.
//
// usage: model_run --seeds FROM..TO [--seconds S] [--least N] [--preload LIB]   each seed in a process of its own; shrinks what fails
//        model_run --seed N [--print]                               one seed in this process
//        model_run --replay FILE                                    a program as --print or a failure printed it
//
// A seed fixes the operations, the threads and the environment, not how the system interleaves the threads.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "model/apply.h"
#include "model/operation.h"
#include "support/allocator.h"
#include "support/child.h"
#include "support/random.h"

namespace hak::test {

namespace {

using Clock = std::chrono::steady_clock;

struct Variable {
  const char *name, *value;
};

// What a seed sets in the environment of its process: policies must not change what is true.
constexpr Variable kVariables[] = {
    {"", ""},
    {"", ""},
    {"", ""},
    {"HAKMEM_DECAY", "0"},
    {"HAKMEM_CROWD", "0"},
    {"HAKMEM_CROWD", "1000"},
    {"HAKMEM_HUGE_FROM", "0"},
    {"HAKMEM_WINDOW", "512MiB"},
    {"HAKMEM_FAULT", "purge+populate+huge+barrier+thread"},
    {"HAKMEM_FAULT", "map@5x1"},
    {"HAKMEM_FAULT", "map@9x2"},
    {"HAKMEM_FAULT", "map@12"},
    {"HAKMEM_FAULT", "remap+commit@3"},
};

const Variable& variable_of(uint64_t seed) {
  return kVariables[Random(seed ^ 0xabcdef).below(sizeof kVariables / sizeof kVariables[0])];
}

bool null_is_allowed() {
  const char* const fault = getenv("HAKMEM_FAULT");
  return fault != nullptr && (strstr(fault, "map") != nullptr || strstr(fault, "commit") != nullptr);
}

int run_here(Program program) {
  if (const char* const wrong = wrong_allocator(); wrong != nullptr) {
    fprintf(stderr, "%s\n", wrong);
    return 2;
  }
  program.null_allowed = program.null_allowed || null_is_allowed();
  static const Program kept = std::move(program);
  apply(kept);
  return 0;
}

// ---- the driver: its own allocations don't matter, it runs on whatever it runs on -----------------------------------

struct Driver {
  std::string library;
  Variable variable{"", ""};

  Outcome run_model(const std::vector<std::string>& arguments) const {
    Command command{.argv = {"/proc/self/exe"}, .env = {preload(library)}, .timeout_ms = 150'000};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    if (variable.name[0] != '\0') command.env.emplace_back(variable.name, variable.value);
    return run(command);
  }

  // A program with threads may fail only now and then: it is tried a few times.
  bool fails(const Program& program, const std::string& file, int tries) const {
    FILE* const out = fopen(file.c_str(), "w");
    if (out == nullptr) return false;
    print(out, program);
    fclose(out);
    for (int i = 0; i < tries; i++)
      if (!run_model({"--replay", file}).ok()) return true;
    return false;
  }

  // ddmin: leaves out ever smaller pieces as long as it still fails. Source: Zeller, Hildebrandt 2002.
  void shrink(Program& program, const std::string& file, Clock::time_point deadline) const {
    const int tries = program.threads > 1 ? 4 : 1;
    for (size_t piece = program.operations.size() / 2; piece > 0; piece /= 2)
      for (size_t at = 0; at < program.operations.size() && Clock::now() < deadline;) {
        Program smaller = program;
        const auto begin = smaller.operations.begin() + static_cast<ptrdiff_t>(at);
        smaller.operations.erase(begin,
                                 begin + static_cast<ptrdiff_t>(std::min(piece, smaller.operations.size() - at)));
        if (fails(smaller, file, tries)) program = std::move(smaller);
        else at += piece;
      }
  }

  void report(uint64_t seed, const Outcome& outcome) const {
    printf("seed %" PRIu64 " fails", seed);
    if (variable.name[0] != '\0') printf(" with %s=%s", variable.name, variable.value);
    printf(": %s\n", outcome.describe().c_str());
    const std::string file = "/tmp/hakmem-model-" + std::to_string(getpid()) + "-" + std::to_string(seed) + ".txt";
    Program program = generate(seed);
    if (!fails(program, file, 5)) {
      printf("it does not fail again; to try: %s=%s model_run --seed %" PRIu64 "\n", variable.name, variable.value,
             seed);
      return;
    }
    shrink(program, file, Clock::now() + std::chrono::seconds(30));
    FILE* const out = fopen(file.c_str(), "w");
    print(out, program);
    fclose(out);
    printf("still fails, in %s (model_run --replay FILE):\n", file.c_str());
    if (program.operations.size() <= 60) print(stdout, program);
    else printf("%zu operations\n", program.operations.size());
    printf("%s\n", run_model({"--replay", file}).describe().c_str());
  }
};

int drive(uint64_t from, uint64_t to, uint64_t least, double seconds, Driver driver) {
  const auto begin = Clock::now();
  const auto deadline = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  uint64_t failed = 0, seed = from;
  // The least first, however slow the machine is; then as many as there is time for.
  for (; seed < to && failed < 3 && (seed - from < least || Clock::now() < deadline); seed++) {
    driver.variable = variable_of(seed);
    const Outcome outcome = driver.run_model({"--seed", std::to_string(seed)});
    if (outcome.ok()) continue;
    failed++;
    driver.report(seed, outcome);
  }
  printf("%" PRIu64 " seeds from %" PRIu64 " on, %" PRIu64 " failed, %.0f s\n", seed - from, from, failed,
         std::chrono::duration<double>(Clock::now() - begin).count());
  return failed == 0 ? 0 : 1;
}

int usage() {
  fputs(
      "usage: model_run --seeds FROM..TO [--seconds S] [--least N] [--preload LIB] | --seed N [--print] | --replay "
      "FILE\n",
      stderr);
  return 2;
}

int replay(const char* name) {
  FILE* const file = fopen(name, "r");
  Program program;
  if (file == nullptr || !read(file, program)) {
    fprintf(stderr, "%s: can't be read as a program\n", name);
    return 2;
  }
  fclose(file);
  return run_here(std::move(program));
}

}  // namespace

}  // namespace hak::test

using namespace hak::test;

int main(int argc, char** argv) {
  static char buffer[4096];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  uint64_t from = 0, to = 0, least = 1;
  double seconds = 1e9;
  Driver driver;
  for (int i = 1; i < argc; i++) {
    const std::string option = argv[i];
    const char* const value = i + 1 < argc ? argv[++i] : nullptr;
    if (value == nullptr) return usage();
    if (option == "--seed") {
      const uint64_t seed = strtoull(value, nullptr, 0);
      if (i + 1 < argc && strcmp(argv[i + 1], "--print") == 0) return print(stdout, generate(seed)), 0;
      return run_here(generate(seed));
    }
    if (option == "--replay") return replay(value);
    if (option == "--seeds" && sscanf(value, "%" SCNu64 "..%" SCNu64, &from, &to) == 2) continue;
    if (option == "--seconds") {
      seconds = atof(value);
      continue;
    }
    if (option == "--least") {
      least = strtoull(value, nullptr, 0);
      continue;
    }
    if (option != "--preload") return usage();
    driver.library = value;
  }
  return to > from ? drive(from, to, least, seconds, driver) : usage();
}
