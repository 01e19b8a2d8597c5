// hakmem compare: runs a program under several allocators in turns, and says what the noise lets be said. This file has
// the command line; compare/ does the work.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "compare/allocators.h"
#include "compare/export.h"
#include "compare/interrupt.h"
#include "compare/session.h"
#include "compare/table.h"
#include "failure.h"
#include "launch/library.h"
#include "launch/program.h"
#include "verb.h"

namespace tool {
namespace {

constexpr double kMostRounds = 100'000;

[[noreturn]] void refuse_value(const char* option, const std::string& text, const char* expected) {
  throw Failure(kUsage, fmt::format("compare: {} takes {}, not '{}'", option, expected, text),
                "see: hakmem help compare");
}

// The number at the start of `text`, which it is taken off; NaN where there is none.
double take_number(std::string_view& text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nan("");
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  return value;
}

unsigned to_count(const char* option, const std::string& text, std::string_view part, double least,
                  const char* expected) {
  const double value = take_number(part);
  if (!part.empty() || !(value >= least && value <= kMostRounds) || value != std::floor(value))
    refuse_value(option, text, expected);
  return static_cast<unsigned>(value);
}

// "2%" or "2", as a share.
double to_share(const char* option, const std::string& text, double least, double most, const char* expected) {
  std::string_view rest = text;
  const double value = take_number(rest);
  if ((!rest.empty() && rest != "%") || !(value >= least && value <= most)) refuse_value(option, text, expected);
  return value / 100;
}

// "90", "90s", "5m", "500ms", "1h", in seconds.
double to_seconds(const char* option, const std::string& text) {
  std::string_view unit = text;
  const double value = take_number(unit);
  const double scale = unit.empty() || unit == "s"    ? 1
                       : unit == "ms"                 ? 1e-3
                       : unit == "m" || unit == "min" ? 60
                       : unit == "h"                  ? 3600
                                                      : 0;
  if (!(value > 0) || std::isinf(value) || scale == 0) refuse_value(option, text, "a time such as 90s or 5m");
  return value * scale;
}

// One line on a terminal, rewritten; nothing elsewhere.
class Progress {
 public:
  void show(const Plan& plan, const Position& position) {
    if (!is_terminal_) return;
    std::fputs(fmt::format("\r{}\x1b[K", progress_line(plan, position)).c_str(), stderr);
    is_shown_ = true;
  }
  ~Progress() {
    if (is_shown_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  bool is_terminal_ = isatty(2) != 0;
  bool is_shown_ = false;
};

// What is in the file stays there until there is something new.
FILE* open_for_writing(const std::string& path) {
  FILE* const file = path == "-" ? stdout : std::fopen(path.c_str(), "ae");
  if (file == nullptr) throw Failure(kOwnFailure, fmt::format("can't write {}: {}", path, std::strerror(errno)));
  return file;
}

void write_to(FILE* file, const std::string& path, const std::string& text) {
  if (file != stdout) [[maybe_unused]]
    const int result = ftruncate(fileno(file), 0);  // a pipe has no length
  const bool is_written = std::fputs(text.c_str(), file) >= 0 && std::fflush(file) == 0;
  if (file != stdout) std::fclose(file);
  if (!is_written)
    throw Failure(kOwnFailure, fmt::format("can't write to {}", path == "-" ? std::string("stdout") : path));
}

class Compare : public Verb {
 public:
  void declare(Cli& cli) override {
    cli.usage("hakmem compare [OPTION...] [--] PROGRAM [ARGUMENT...]");
    cli.values("--with", choice_.with, "NAME=PATH", "another allocator; may be given several times");
    cli.value("--only", choice_.only, "NAME,NAME", "only these, and the baseline");
    cli.value("--baseline", choice_.baseline, "NAME", "what ratios are to, instead of glibc");
    cli.value("--rounds", rounds_, "MIN..MAX", "rounds to measure, or one number: default 5..30");
    cli.value("--warmup", warmup_, "N", "rounds before that which don't count: default 1");
    cli.value("--precision", precision_, "PERCENT", "stop when each ratio is known to that: default 2%");
    cli.value("--confidence", confidence_, "PERCENT", "of the intervals: default 95");
    cli.value("--max-time", max_time_, "TIME", "begin no round after that: 90s, 5m");
    cli.value("--timeout", timeout_, "TIME", "a run that takes longer has failed, and is ended");
    cli.value("--metric", metric_, "REGEX", "a number in the output (first group, last match)");
    cli.flag("--metric-less-is-better", metric_less_, "the metric is a time or a size, not a throughput");
    cli.value("--stdin", program_.input, "FILE", "input of each run, instead of nothing");
    cli.value("--json", json_, "FILE", "write all that was found as JSON; - is stdout");
    cli.value("--csv", csv_, "FILE", "write each run as a line of CSV; - is stdout");
    cli.value("--lib", library_, "PATH", "the libhakmem.so to use instead of this command's");
    cli.command(command_, "PROGRAM", "the program and its arguments");
    cli.details(
        "PROGRAM runs under glibc, hakmem, and mimalloc, jemalloc, tcmalloc, tbbmalloc,\n"
        "snmalloc and rpmalloc where they are installed: in rounds, each allocator once\n"
        "in each, in random order, until wall time (or the metric) is known well enough.\n"
        "Times, peak memory and page faults are shown as ratios to glibc with a\n"
        "confidence interval. Where that includes 1 the difference may be noise, and the\n"
        "verdict says so. PROGRAM's output is not shown, its input is empty.\n"
        "\n"
        "Each process is asked which library its malloc is in; figures of another one are\n"
        "refused. A static program that a script starts can't be asked.\n"
        "What PROGRAM leaves running in its process group is killed after each run.\n"
        "\n"
        "Exit status:\n"
        "    0  all allocators were measured\n"
        "    1  an allocator was refused, or the program failed under it; the others were\n"
        "       measured\n"
        "    2  the command line is wrong\n"
        "  125  hakmem could not do its part, or the program fails under the baseline\n"
        "  126  PROGRAM is there, but can't be executed\n"
        "  127  there is no PROGRAM\n"
        "  130  interrupted by Ctrl-C; what was measured is printed\n"
        "\n"
        "Examples:\n"
        "  hakmem compare -- python3 script.py\n"
        "  hakmem compare --only hakmem,mimalloc --json result.json -- ./server-test\n"
        "  hakmem compare --with mi3=/opt/lib/libmimalloc.so.3 -- z3 formula.smt2\n"
        "  hakmem compare --with 'quick=HAKMEM_DECAY=0;/lib/libhakmem.so' -- ./server\n"
        "  hakmem compare --metric '([0-9.]+) requests per second' -- sh -c '\n"
        "    redis-server --port 7777 --save \"\" >/dev/null & sleep 0.3\n"
        "    redis-benchmark -p 7777 -q -n 100000 -t set; kill $!; wait'");
  }

  int run() override {
    Plan plan = make_plan();
    std::unique_ptr<Metric> metric;
    if (!metric_.empty()) metric = std::make_unique<Metric>(metric_);
    plan.metric = metric.get();
    FILE* const json = json_.empty() ? nullptr : open_for_writing(json_);  // now: not after minutes of measuring
    FILE* const csv = csv_.empty() ? nullptr : open_for_writing(csv_);
    const Comparison comparison = measure(plan);
    if (json != nullptr) write_to(json, json_, to_json(plan, comparison));
    if (csv != nullptr) write_to(csv, csv_, to_csv(comparison));
    if (json != stdout && csv != stdout) write_to(stdout, "-", table(plan, comparison));
    if (comparison.stop == Stop::interrupted) return 128 + interrupted_by();
    for (const Row& row : comparison.rows)
      if (!row.failure.empty()) return kNegative;
    return kSuccess;
  }

 private:
  Plan make_plan() {
    Plan plan;
    constexpr const char* kRange = "rounds as MIN..MAX or one number";
    const size_t dots = rounds_.find("..");
    const std::string_view rounds = rounds_;
    plan.least_rounds = to_count("--rounds", rounds_, rounds.substr(0, dots), 1, kRange);
    plan.most_rounds =
        dots == rounds.npos ? plan.least_rounds : to_count("--rounds", rounds_, rounds.substr(dots + 2), 1, kRange);
    if (plan.most_rounds < plan.least_rounds) refuse_value("--rounds", rounds_, kRange);
    plan.warmup = to_count("--warmup", warmup_, warmup_, 0, "a number of rounds");
    plan.precision = to_share("--precision", precision_, 1e-3, 100, "a percentage such as 2%");
    plan.confidence = to_share("--confidence", confidence_, 50, 99.999, "a percentage from 50 to 99.999");
    if (!max_time_.empty()) plan.most_seconds = to_seconds("--max-time", max_time_);
    if (!timeout_.empty()) program_.most_seconds = to_seconds("--timeout", timeout_);
    plan.metric_less_is_better = metric_less_;
    if (metric_less_ && metric_.empty())
      throw Failure(kUsage, "compare: --metric-less-is-better takes a --metric", "see: hakmem help compare");
    if (json_ == "-" && csv_ == "-") throw Failure(kUsage, "compare: only one of --json and --csv can be stdout");
    program_.path = find_program(command_.front());
    program_.words = command_;
    require_preloadable(program_.path);
    choice_.hakmem = find_library(library_);
    program_.witness = find_witness();
    plan.program = program_;
    plan.allocators = choose_allocators(choice_);
    return plan;
  }

  static std::string find_witness() {
    const std::string path = own_library("libhakmem-witness.so");
    if (const std::string reason = why_not_preloadable(path); !reason.empty())
      throw Failure(kOwnFailure, fmt::format("can't preload {}: {}", path, reason));
    return path;
  }

  static Comparison measure(const Plan& plan) {
    Progress progress;
    return compare(plan, [&](const Position& position) { progress.show(plan, position); });
  }

  Program program_;
  AllocatorChoice choice_;
  std::vector<std::string> command_;
  std::string rounds_ = "5..30", warmup_ = "1", precision_ = "2%", confidence_ = "95";
  std::string max_time_, timeout_, metric_, json_, csv_, library_;
  bool metric_less_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_compare() { return std::make_unique<Compare>(); }

}  // namespace tool
