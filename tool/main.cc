// The hakmem command: finds the verb and hands over to it. Data goes to stdout, messages to stderr.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string_view>

#include "failure.h"
#include "hakmem/hakmem.h"
#include "verb.h"

namespace tool {
namespace {

struct VerbRow {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Verb> (*make)();
};

constexpr VerbRow kVerbs[] = {
    {"compare", "compare a program under all allocators of this machine", make_compare},
    {"run", "run a program on hakmem", make_run},
};

const VerbRow* find_verb(std::string_view name) {
  const VerbRow* row =
      std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const VerbRow& v) { return v.name == name; });
  return row == std::end(kVerbs) ? nullptr : row;
}

std::string version() {
  return fmt::format("hakmem {}.{}.{}\n", HAKMEM_VERSION_MAJOR, HAKMEM_VERSION_MINOR, HAKMEM_VERSION_PATCH);
}

std::string overview() {
  std::string text =
      "hakmem: a drop-in malloc that knows who is asking\n"
      "\n"
      "Usage: hakmem VERB [ARGUMENT...]\n"
      "\n"
      "Verbs:\n";
  for (const VerbRow& verb : kVerbs) text += fmt::format("  {:<10} {}\n", verb.name, verb.summary);
  text += fmt::format("  {:<10} {}\n", "help", "explain a verb: hakmem help VERB");
  text += fmt::format("  {:<10} {}\n", "--version", "print the version");
  return text;
}

[[noreturn]] void refuse_verb(std::string_view name) {
  throw Failure(kUsage, fmt::format("there is no verb '{}'", name),
                "the verbs are listed by: hakmem help\nto run a program, say: hakmem run PROGRAM");
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) throw Failure(kOwnFailure, "can't write to stdout");
}

int run_verb(const VerbRow& row, std::span<const char* const> arguments) {
  const std::unique_ptr<Verb> verb = row.make();
  Cli cli;
  cli.summary(row.summary);
  verb->declare(cli);
  if (cli.parse(row.name, arguments) == Cli::Outcome::run) return verb->run();
  print(cli.help());
  return kSuccess;
}

int help(std::span<const char* const> arguments) {
  if (arguments.empty()) {
    print(overview());
    return kSuccess;
  }
  const VerbRow* row = find_verb(arguments[0]);
  if (row == nullptr) refuse_verb(arguments[0]);
  constexpr const char* kHelp[] = {"--help"};
  return run_verb(*row, kHelp);
}

int run(std::span<const char* const> arguments) {
  if (arguments.empty()) {
    std::fputs(overview().c_str(), stderr);
    return kUsage;
  }
  const std::string_view name = arguments[0];
  const std::span<const char* const> rest = arguments.subspan(1);
  if (name == "--version" || name == "-V") {
    print(version());
    return kSuccess;
  }
  if (name == "help" || name == "--help" || name == "-h") return help(rest);
  const VerbRow* row = find_verb(name);
  if (row == nullptr) refuse_verb(name);
  return run_verb(*row, rest);
}

// "hakmem: WHAT", and the remedy indented under it.
void report(const Failure& failure) {
  std::string text = fmt::format("hakmem: {}\n", failure.what());
  std::string_view rest = failure.remedy();
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    text += fmt::format("  {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::fputs(text.c_str(), stderr);
}

}  // namespace
}  // namespace tool

int main(int argc, char** argv) {
  try {
    return tool::run({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const tool::Failure& failure) {
    tool::report(failure);
    return failure.status();
  } catch (const std::exception& e) {
    tool::report({tool::kOwnFailure, e.what()});
    return tool::kOwnFailure;
  }
}
