#include "compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace tool {
namespace {

// P(|T| <= t) for whole degrees of freedom, in closed form: Abramowitz and Stegun, 26.7.3 and 26.7.4.
double student_within(double t, size_t freedom) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(freedom)));
  const double cosine = std::cos(angle);
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1;
  double sum = freedom == 1 ? 0 : term;
  for (size_t k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return odd ? (angle + std::sin(angle) * sum) * 2 / std::numbers::pi : std::sin(angle) * sum;
}

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

double student_quantile(double confidence, size_t freedom) {
  double low = 0, high = 1;
  while (student_within(high, freedom) < confidence && high < 1e9) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (student_within(middle, freedom) < confidence ? low : high) = middle;
  }
  return high;
}

double shared_confidence(double confidence, size_t comparisons) {
  return 1 - (1 - confidence) / static_cast<double>(std::max<size_t>(comparisons, 1));
}

double geometric_mean(std::span<const double> values) {
  std::vector<double> logs;
  for (const double value : values) logs.push_back(std::log(value));
  return logs.empty() ? 0 : std::exp(mean(logs));
}

RatioInterval ratio_interval(std::span<const double> values, std::span<const double> baseline, double confidence) {
  const size_t pairs = std::min(values.size(), baseline.size());
  std::vector<double> logs;
  for (size_t i = 0; i < pairs; ++i) {
    if (!(values[i] > 0) || !(baseline[i] > 0)) return {};
    logs.push_back(std::log(values[i] / baseline[i]));
  }
  if (logs.empty()) return {};
  const double middle = mean(logs);
  const double ratio = std::exp(middle);
  if (pairs < 2) return {pairs, ratio, ratio, ratio};
  double squares = 0;
  for (const double log : logs) squares += (log - middle) * (log - middle);
  const double freedom = static_cast<double>(pairs - 1);
  const double error = std::sqrt(squares / freedom / static_cast<double>(pairs));
  const double reach = student_quantile(confidence, pairs - 1) * error;
  return {pairs, ratio, std::exp(middle - reach), std::exp(middle + reach)};
}

Verdict verdict(const RatioInterval& interval, double least) {
  if (!interval.is_known()) return Verdict::unknown;
  if (interval.high < 1 - least) return Verdict::less;
  if (interval.low > 1 + least) return Verdict::more;
  return Verdict::same;
}

}  // namespace tool
