// Ratios of paired measurements, and how far the noise lets them be known. No input, no output: tested by simulation
// in test/tool/statistics_test.cc.
//
// Method: a round runs every allocator once, so what disturbs the machine for minutes disturbs both sides of a pair. The
// logarithms of a round's ratios are averaged (the geometric mean is the mean for ratios: Fleming and Wallace, "How not to
// lie with statistics", CACM 1986) and get Student's interval for paired samples (Georges, Buytaert and Eeckhout,
// "Statistically rigorous Java performance evaluation", OOPSLA 2007; Kalibera and Jones, "Rigorous benchmarking in
// reasonable time", ISMM 2013). Several rows against one baseline share the risk of error (Bonferroni).
#pragma once

#include <cstddef>
#include <span>

namespace tool {

struct RatioInterval {
  size_t pairs = 0;  // rounds that count; with less than 2 there is no interval
  double ratio = 0;
  double low = 0;
  double high = 0;

  bool is_known() const { return pairs >= 2; }
  /// How far the ratio may be from the true one, as a share: 0.02 is 2 %.
  double reach() const { return high / ratio - 1; }
};

enum class Verdict { less, more, same, unknown };

/// The t that a variable with Student's distribution stays within, on both sides, with that probability.
/// confidence: in (0, 1). freedom: at least 1.
double student_quantile(double confidence, size_t freedom);

/// Confidence for each of `comparisons` intervals, so that all of them hold together with `confidence`.
double shared_confidence(double confidence, size_t comparisons);

double geometric_mean(std::span<const double> values);

/// Ratio of values[i] to baseline[i]. The longer span is cut. Unknown where a value isn't positive.
RatioInterval ratio_interval(std::span<const double> values, std::span<const double> baseline, double confidence);

/// less or more only where the interval excludes 1, and all that is nearer to it than `least`.
Verdict verdict(const RatioInterval& interval, double least = 0);

}  // namespace tool
