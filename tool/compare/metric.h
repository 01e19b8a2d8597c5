// --metric: a number that the program prints itself, found by a regular expression.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tool {

class Metric {
 public:
  /// pattern: RE2 syntax, ^ and $ match at lines; its first group is the number. Throws Failure(kUsage).
  explicit Metric(const std::string& pattern);
  ~Metric();

  /// The number in the last match, or nothing; then `reason` says why.
  std::optional<double> find(std::string_view output, std::string& reason) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Impl;
  std::string pattern_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tool
