// Runs each misuse of cases.cc in a process of its own and holds what it says on stderr against the expected line.
//
// usage: misuse_run [--preload LIBRARY] [--hardened] [NAME...]    all cases, each once with HAKMEM_MISUSE=abort and once
//                                                                 with =report, after which the process must still work
//        misuse_run --commit NAME                                 the misuse itself, in this process
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <regex>
#include <string>
#include <vector>

#include "misuse/case.h"
#include "support/allocator.h"
#include "support/child.h"

namespace hak::test {

namespace {

struct Announced {
  std::string pointer, block, usable;
};

// What announce() printed: "announced POINTER BLOCK USABLE".
Announced read_announcement(const std::string& out) {
  char pointer[32] = "", block[32] = "", usable[32] = "";
  sscanf(out.c_str(), "announced %31s %31s %31s", pointer, block, usable);
  return {pointer, block, usable};
}

std::string expected_line(const Case& c, const Announced& announced) {
  std::string line = "hakmem: ";
  for (const char* at = c.line; *at != '\0'; at++) {
    if (*at != '%') {
      line += *at;
      continue;
    }
    switch (*++at) {
      case 'p':
        line += announced.pointer;
        break;
      case 's':
        line += announced.block;
        break;
      case 'u':
        line += announced.usable;
        break;
      case '@':
        line += "misuse[_a-z]*\\+0x[0-9a-f]+";
        break;
      default:
        line += '%';
    }
  }
  return line + "; see docs/errors\\.md, " + c.section + "\n";
}

// After a reported misuse that was ignored: does the allocator still give blocks that don't overlap?
bool still_works() {
  constexpr size_t kBlocks = 400;
  std::vector<unsigned char*> blocks;
  for (size_t i = 0; i < kBlocks; i++) {
    const size_t n = 1 + i * i % 7000 + (i % 50 == 0 ? 300'000 : 0);
    auto* const block = static_cast<unsigned char*>(malloc(n));
    if (block == nullptr) return false;
    memset(block, static_cast<int>(i % 251), n);
    blocks.push_back(block);
  }
  for (size_t i = 0; i < kBlocks; i++) {
    const size_t n = 1 + i * i % 7000 + (i % 50 == 0 ? 300'000 : 0);
    for (size_t k = 0; k < n; k++)
      if (blocks[i][k] != i % 251) return false;
    free(blocks[i]);
  }
  return true;
}

int commit(const char* name) {
  if (const char* const wrong = wrong_allocator(); wrong != nullptr) {
    fprintf(stderr, "%s\n", wrong);
    return 2;
  }
  for (size_t i = 0; i < kCaseCount; i++) {
    if (strcmp(kCases[i].name, name) != 0) continue;
    kCases[i].commit();
    return still_works() ? 0 : 8;
  }
  fprintf(stderr, "no case %s\n", name);
  return 2;
}

Outcome run_case(const Case& c, const std::string& library, const char* reaction) {
  return run({.argv = {"/proc/self/exe", "--commit", c.name},
              .env = {preload(library), {"HAK_TEST_ALLOCATOR", "hakmem"}, {"HAKMEM_MISUSE", reaction}},
              .timeout_ms = 20'000});
}

// Returns what is wrong, or nothing.
std::string judge(const Case& c, const Outcome& outcome, bool aborts) {
  if (outcome.timed_out) return "it hangs";
  if (c.silent_allowed && outcome.ok() && outcome.err.empty()) return "";
  const std::string line = expected_line(c, read_announcement(outcome.out));
  if (!std::regex_match(outcome.err, std::regex(line))) return "stderr is not the line  " + line;
  if (aborts && outcome.signal != SIGABRT) return "it isn't aborted";
  if (!aborts && outcome.status == 8) return "the allocator is broken after the ignored call";
  if (!aborts && !outcome.ok()) return "it does not go on";
  return "";
}

bool check(const Case& c, const std::string& library) {
  bool good = true;
  for (const char* reaction : {"abort", "report"}) {
    const Outcome outcome = run_case(c, library, reaction);
    const std::string wrong = judge(c, outcome, strcmp(reaction, "abort") == 0);
    if (wrong.empty()) continue;
    good = false;
    printf("%s, HAKMEM_MISUSE=%s: %s\n%s\n", c.name, reaction, wrong.c_str(), outcome.describe().c_str());
  }
  printf("%-6s %s\n", good ? "ok" : "FAILED", c.name);
  return good;
}

}  // namespace

void announce(const void* pointer, const void* block) {
  const size_t usable = block != nullptr ? malloc_usable_size(const_cast<void*>(block)) : 0;
  char text[128];
  // as hakmem writes addresses: printf's %p writes null as (nil)
  const int n = snprintf(text, sizeof text, "announced 0x%jx 0x%jx %zu\n", reinterpret_cast<uintmax_t>(pointer),
                         reinterpret_cast<uintmax_t>(block), usable);
  if (write(1, text, static_cast<size_t>(n)) < 0) abort();
}

}  // namespace hak::test

using namespace hak::test;

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--commit") == 0) return commit(argv[2]);
  std::string library;
  bool hardened = false;
  std::vector<std::string> names;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--preload") == 0 && i + 1 < argc) library = argv[++i];
    else if (strcmp(argv[i], "--hardened") == 0) hardened = true;
    else names.push_back(argv[i]);
  }
  size_t failed = 0, checked = 0;
  for (size_t i = 0; i < kCaseCount; i++) {
    const Case& c = kCases[i];
    bool wanted = names.empty() && (hardened || c.seen == Seen::always);
    for (const std::string& name : names) wanted = wanted || name == c.name;
    if (!wanted) continue;
    checked++;
    failed += check(c, library) ? 0 : 1;
  }
  printf("%zu of %zu misuses are reported as they should be\n", checked - failed, checked);
  return failed == 0 && checked > 0 ? 0 : 1;
}
