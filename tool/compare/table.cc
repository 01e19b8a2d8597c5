#include "compare/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace tool {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kNameMost = 16;
constexpr size_t kOutputLines = 5;  // of a run that failed

std::string shortened(const std::string& text, size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

// As one would type it in a shell.
std::string command_text(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./:,@%";
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    const bool is_plain = !word.empty() && word.find_first_not_of(kPlain) == word.npos;
    text += is_plain ? word : "'" + word + "'";
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// Three digits and more: 0.999, 12.3, 1234.
std::string three_digits(double value) {
  const double size = std::fabs(value);
  return fmt::format("{:.{}f}", value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

std::string quantity(Unit unit, double value) {
  switch (unit) {
    case Unit::seconds:
      if (value < 1e-3) return three_digits(value * 1e6) + " us";
      if (value < 1) return three_digits(value * 1e3) + " ms";
      return three_digits(value) + " s";
    case Unit::bytes:
      if (value < 1 << 30) return three_digits(value / (1 << 20)) + " MiB";
      return three_digits(value / (1 << 30)) + " GiB";
    case Unit::count:
      return fmt::format("{:.0f}", value);
    case Unit::number:
      break;
  }
  return value >= 1000 && value < 1e9 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

std::string ratio_text(double ratio, int digits = 3) {
  if (ratio >= 9999.5) return fmt::format("{:.0e}", ratio);
  return fmt::format("{:.{}f}", ratio, ratio < 9.9995 ? digits : ratio < 99.995 ? 2 : 0);
}

// As many digits as it takes to see that an interval excludes 1, if it does.
int digits_of(const RatioInterval& interval) {
  const double gap = verdict(interval) == Verdict::less ? 1 - interval.high : interval.low - 1;
  int digits = 3;
  for (double visible = 5e-4; digits < 6 && gap > 0 && gap < visible; visible /= 10) ++digits;
  return digits;
}

std::string rounds_text(size_t rounds) { return fmt::format("{} round{}", rounds, rounds == 1 ? "" : "s"); }

std::string percent(double share) { return fmt::format("{:.{}f} %", share * 100, share < 0.0995 ? 1 : 0); }

class Table {
 public:
  Table(const Plan& plan, const Comparison& comparison) : plan_(plan), comparison_(comparison) {
    for (const Row& row : comparison.rows) width_ = std::max(width_, std::min(row.allocator.name.size(), kNameMost));
  }

  std::string text() {
    add("{}\n", shortened(command_text(plan_.program.words), kColumns - 1));
    add_header();
    add_allocators();
    if (comparison_.rounds > 0)
      for (const Measure& measure : comparison_.measures) add_block(measure);
    add_failures();
    add_remarks();
    return std::move(text_);
  }

 private:
  template <class... Values>
  void add(fmt::format_string<Values...> format, Values&&... values) {
    text_ += fmt::format(format, std::forward<Values>(values)...);
  }

  std::string name(const Row& row) const { return shortened(row.allocator.name, kNameMost); }

  // How many rounds, and why not more.
  void add_header() {
    add("{} in turns", rounds_text(comparison_.rounds));
    if (plan_.warmup > 0) add(" after {} to warm up", plan_.warmup);
    const char* const first = comparison_.measures[0].title;
    const double widest = widest_reach(comparison_);
    switch (comparison_.stop) {
      case Stop::precise:
        add("; each {} ratio is known to {}", first, percent(widest));
        break;
      case Stop::interrupted:
        add("; interrupted");
        break;
      case Stop::baseline:
        add("; {} failed in the next one", comparison_.rows[0].allocator.name);
        break;
      case Stop::alone:
        add("; there is nothing left to compare");
        break;
      case Stop::time:
      case Stop::rounds:
        if (comparison_.stop == Stop::time) add("; time is up");
        if (widest >= 1) add("; {} ratios are hardly known", first);
        else if (widest > 0) add("; {} ratios are known to {}", first, percent(widest));
        break;
    }
    add("\n\n");
  }

  void add_allocators() {
    if (comparison_.rounds > 0) add("The file that malloc was in, as each process itself said:\n");
    for (const Row& row : comparison_.rows)
      if (!row.malloc_file.empty()) add("  {:<{}}  {}\n", name(row), width_, row.malloc_file);
    add("\n");
  }

  void add_block(const Measure& measure) {
    const std::string heading =
        &measure == &comparison_.measures[0] && plan_.metric != nullptr ? "metric" : measure.title;
    add("{:<{}}{:>12}{:>9}{:>20}   {}\n", heading, width_ + 2, "mean", "ratio", interval_heading(), "verdict");
    for (const Row& row : comparison_.rows) add_row(row, measure);
    add("\n");
  }

  std::string interval_heading() const { return fmt::format("{:.4g} % interval", plan_.confidence * 100); }

  void add_row(const Row& row, const Measure& measure) {
    add("  {:<{}}", name(row), width_);
    if (!row.failure.empty() && &row != &comparison_.rows[0]) {
      add("{:>12}{:>9}   not measured, see below\n", "-", "-");
      return;
    }
    add("{:>12}", quantity(measure.unit, geometric_mean(values_of(row, measure))));
    const RatioInterval interval = interval_of(comparison_, row, measure);
    if (&row == &comparison_.rows[0] || interval.pairs == 0) add("{:>9}\n", interval.pairs == 0 ? "-" : "1");
    else if (!interval.is_known()) add("{:>9}{:>20}\n", ratio_text(interval.ratio), "-");
    else {
      const int digits = digits_of(interval);
      add("{:>9}{:>20}   {}\n", ratio_text(interval.ratio, digits),
          fmt::format("{} to {}", ratio_text(interval.low, digits), ratio_text(interval.high, digits)),
          verdict_text(measure, verdict_of(comparison_, row, measure)));
    }
  }

  void add_failures() {
    for (const Row& row : comparison_.rows) {
      if (row.failure.empty()) continue;
      add("{} {}: {}\n", row.allocator.name, &row == &comparison_.rows[0] ? "failed" : "was not measured", row.failure);
      if (!row.allocator.is_glibc()) add("  library: {}\n", row.allocator.library);
      const std::string output = last_lines(row.output, kOutputLines);
      if (!output.empty()) add("  the end of its output:\n");
      for (size_t at = 0; at < output.size();) {
        const size_t end = std::min(output.find('\n', at), output.size());
        add("  | {}\n", output.substr(at, end - at));
        at = end + 1;
      }
      add("\n");
    }
  }

  void add_remarks() {
    if (comparison_.rounds == 0) {
      add("nothing was measured\n");
      return;
    }
    const std::string& baseline = comparison_.rows[0].allocator.name;
    if (comparison_.baseline_status != 0)
      add("The program ends with {} under {} too.\n", describe_end(comparison_.baseline_status), baseline);
    if (plan_.metric != nullptr)
      add("metric: {} ({} is better)\n", plan_.metric->pattern(), plan_.metric_less_is_better ? "less" : "more");
    add_least_memory();
    add("Ratios are to {}.", baseline);
    if (comparison_.rounds < 2) add(" One round gives no interval and no verdict.\n");
    else add(" All intervals hold together with {:.4g} % confidence.\n", plan_.confidence * 100);
  }

  // A program smaller than our own child before it became the program has that child's peak.
  void add_least_memory() {
    uint64_t least = 0;
    for (const Row& row : comparison_.rows)
      for (const Run& run : row.runs)
        if (run.peak_rss_bytes <= run.least_rss_bytes) least = std::max(least, run.least_rss_bytes);
    if (least > 0) add("Peaks under {} can't be seen.\n", quantity(Unit::bytes, static_cast<double>(least)));
  }

  const Plan& plan_;
  const Comparison& comparison_;
  size_t width_ = 8;
  std::string text_;
};

}  // namespace

std::string verdict_text(const Measure& measure, Verdict verdict) {
  switch (verdict) {
    case Verdict::less:
      return measure.less;
    case Verdict::more:
      return measure.more;
    case Verdict::same:
      return "same within noise";
    case Verdict::unknown:
      break;
  }
  return "";
}

std::string table(const Plan& plan, const Comparison& comparison) { return Table(plan, comparison).text(); }

namespace {

// How much of the time is over, as far as is known.
std::string bar(const Position& position) {
  constexpr size_t kWidth = 20;
  const double whole = position.seconds_done + position.seconds_left;
  const size_t full = std::min(kWidth, static_cast<size_t>(position.seconds_done / whole * kWidth));
  return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "]";
}

}  // namespace

std::string progress_line(const Plan& plan, const Position& position) {
  std::string line;
  if (position.is_warmup) line = fmt::format("warm-up {} of {}", position.round, plan.warmup);
  else if (plan.least_rounds == plan.most_rounds)
    line = fmt::format("round {} of {}", position.round, plan.most_rounds);
  else line = fmt::format("round {} of {} to {}", position.round, plan.least_rounds, plan.most_rounds);
  if (position.seconds_left > 0) line = bar(position) + " " + line;
  if (position.widest > 0 && position.widest < 1) line += fmt::format(", known to {}", percent(position.widest));
  if (position.seconds_left > 0) {
    const double left = position.seconds_left;
    line += left < 100 ? fmt::format(", {:.0f} s left", left) : fmt::format(", {:.0f} min left", left / 60);
  }
  return shortened(line + ": " + position.allocator, kColumns - 2);
}

}  // namespace tool
