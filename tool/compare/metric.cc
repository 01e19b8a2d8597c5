#include "compare/metric.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "failure.h"

namespace tool {
namespace {

constexpr const char* kPrefix = "(?m)";  // ^ and $ match at lines

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

}  // namespace

struct Metric::Impl {
  RE2 expression;
};

Metric::Metric(const std::string& pattern) : pattern_(pattern), impl_(new Impl{RE2(kPrefix + pattern, quiet())}) {
  const RE2& expression = impl_->expression;
  if (!expression.ok()) {
    std::string error = expression.error();
    if (const size_t prefix = error.find(kPrefix); prefix != error.npos) error.erase(prefix, std::strlen(kPrefix));
    throw Failure(kUsage, fmt::format("compare: --metric '{}' is no regular expression: {}", pattern, error),
                  "the syntax is RE2's: https://github.com/google/re2/wiki/Syntax");
  }
  if (expression.NumberOfCapturingGroups() < 1)
    throw Failure(kUsage, fmt::format("compare: --metric '{}' has no group", pattern),
                  "put the number in parentheses, as in: --metric '([0-9.]+) requests per second'");
}

Metric::~Metric() = default;

std::optional<double> Metric::find(std::string_view output, std::string& reason) const {
  const re2::StringPiece text(output.data(), output.size());
  re2::StringPiece match[2], last;
  bool is_found = false;
  for (size_t at = 0; at <= text.size();) {
    if (!impl_->expression.Match(text, at, text.size(), RE2::UNANCHORED, match, 2)) break;
    is_found = true;
    last = match[1];
    const size_t end = static_cast<size_t>(match[0].data() - text.data()) + match[0].size();
    at = std::max(end, at + (match[0].empty() ? 1 : 0));
  }
  if (!is_found) {
    reason = fmt::format("nothing in its output matches --metric '{}'", pattern_);
    return std::nullopt;
  }
  const std::string_view number(last.data(), last.size());
  double value = 0;
  const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc() && rest == number.data() + number.size() && value > 0) return value;
  reason = fmt::format("--metric found '{}', which is no number above 0", number);
  return std::nullopt;
}

}  // namespace tool
