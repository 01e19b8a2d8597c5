#include "compare/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace tool {
namespace {

TEST(statistics, quantiles_are_those_of_the_printed_tables) {
  EXPECT_NEAR(student_quantile(0.95, 1), 12.706, 5e-4);
  EXPECT_NEAR(student_quantile(0.95, 2), 4.303, 5e-4);
  EXPECT_NEAR(student_quantile(0.95, 3), 3.182, 5e-4);
  EXPECT_NEAR(student_quantile(0.95, 4), 2.776, 5e-4);
  EXPECT_NEAR(student_quantile(0.99, 9), 3.250, 5e-4);
  EXPECT_NEAR(student_quantile(0.95, 10), 2.228, 5e-4);
  EXPECT_NEAR(student_quantile(0.95, 29), 2.045, 5e-4);
  EXPECT_NEAR(student_quantile(0.999, 30), 3.646, 5e-4);
  EXPECT_NEAR(student_quantile(0.95, 100'000), 1.960, 5e-4);
}

TEST(statistics, several_comparisons_share_the_risk) {
  EXPECT_DOUBLE_EQ(shared_confidence(0.95, 1), 0.95);
  EXPECT_DOUBLE_EQ(shared_confidence(0.95, 5), 0.99);
  EXPECT_DOUBLE_EQ(shared_confidence(0.95, 0), 0.95);
}

TEST(statistics, the_ratio_is_the_geometric_mean_of_the_rounds) {
  const double values[] = {2, 8}, baseline[] = {1, 1};
  const RatioInterval interval = ratio_interval(values, baseline, 0.95);
  EXPECT_EQ(interval.pairs, 2u);
  EXPECT_DOUBLE_EQ(interval.ratio, 4);
  EXPECT_NEAR(interval.low * interval.high, 16, 1e-9);
  EXPECT_NEAR(std::log(interval.high / 4), 12.706 * std::log(2), 1e-3);  // the error is sqrt(2 * ln 2 ^ 2 / 1 / 2)
  EXPECT_DOUBLE_EQ(geometric_mean(values), 4);
}

TEST(statistics, drift_that_both_sides_share_is_no_noise) {
  const double values[] = {1.1, 2.2, 4.4, 8.8}, baseline[] = {1, 2, 4, 8};
  const RatioInterval interval = ratio_interval(values, baseline, 0.95);
  EXPECT_NEAR(interval.low, 1.1, 1e-9);
  EXPECT_NEAR(interval.high, 1.1, 1e-9);
  EXPECT_EQ(verdict(interval), Verdict::more);
}

TEST(statistics, a_verdict_takes_an_interval_without_1) {
  EXPECT_EQ(verdict({5, 0.9, 0.8, 0.99}), Verdict::less);
  EXPECT_EQ(verdict({5, 0.9, 0.8, 1.01}), Verdict::same);
  EXPECT_EQ(verdict({5, 1, 1, 1}), Verdict::same);
  EXPECT_EQ(verdict({5, 1.1, 1.0, 1.2}), Verdict::same);
  EXPECT_EQ(verdict({5, 1.1, 1.01, 1.2}), Verdict::more);
}

TEST(statistics, a_difference_that_is_less_than_chance_makes_is_no_verdict) {
  const double values[] = {228, 228, 228, 228, 228}, baseline[] = {229, 229, 229, 229, 229};
  const RatioInterval interval = ratio_interval(values, baseline, 0.95);
  EXPECT_EQ(verdict(interval), Verdict::less);
  EXPECT_EQ(verdict(interval, 4 / 229.0), Verdict::same);
  EXPECT_EQ(verdict({5, 1.1, 1.03, 1.2}, 0.02), Verdict::more);
  EXPECT_EQ(verdict({5, 1.1, 1.01, 1.2}, 0.02), Verdict::same);
  EXPECT_EQ(verdict({5, 0.9, 0.8, 0.97}, 0.02), Verdict::less);
}

TEST(statistics, too_little_data_gives_no_verdict) {
  const double one[] = {2.0}, other[] = {1.0}, zeros[] = {1, 0}, ones[] = {1, 1};
  EXPECT_EQ(verdict(ratio_interval(one, other, 0.95)), Verdict::unknown);
  EXPECT_EQ(verdict(ratio_interval({}, other, 0.95)), Verdict::unknown);
  EXPECT_EQ(verdict(ratio_interval(zeros, ones, 0.95)), Verdict::unknown);
  EXPECT_EQ(verdict(ratio_interval(ones, zeros, 0.95)), Verdict::unknown);
  EXPECT_EQ(ratio_interval(ones, other, 0.95).pairs, 1u);
}

// Rounds of two allocators on a machine that drifts by 30 %, with 5 % noise of each run on top.
struct Machine {
  std::mt19937_64 random{1};
  std::normal_distribution<double> drift{0, 0.3}, noise{0, 0.05};

  RatioInterval measure(double true_ratio, size_t rounds) {
    std::vector<double> values, baseline;
    for (size_t i = 0; i < rounds; ++i) {
      const double round = std::exp(drift(random));
      values.push_back(true_ratio * round * std::exp(noise(random)));
      baseline.push_back(round * std::exp(noise(random)));
    }
    return ratio_interval(values, baseline, 0.95);
  }
};

TEST(statistics, intervals_hold_the_true_ratio_as_often_as_they_promise) {
  Machine machine;
  for (const size_t rounds : {2, 5, 12, 30}) {
    constexpr int kTrials = 4000;
    int held = 0;
    for (int i = 0; i < kTrials; ++i) {
      const RatioInterval interval = machine.measure(0.9, rounds);
      held += interval.low <= 0.9 && 0.9 <= interval.high;
    }
    EXPECT_NEAR(held / double{kTrials}, 0.95, 0.0125) << rounds;  // 3.6 standard errors
  }
}

// As session.cc does it: five allocators that are all equal to the baseline, rounds until all intervals are narrow
// enough. Stopping early must not make wrong verdicts much more frequent than promised.
TEST(statistics, stopping_when_it_is_narrow_enough_keeps_the_promise) {
  constexpr int kTrials = 1000;
  constexpr size_t kRows = 5;
  for (const double precision : {0.02, 0.05, 0.1}) {
    std::mt19937_64 random(7);
    std::normal_distribution<double> drift(0, 0.3), noise(0, 0.05);
    int wrong = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::vector<double> values[kRows + 1];  // the last is the baseline's
      bool is_wrong = false, is_precise = false;
      while (values[0].size() < 30 && !is_precise) {
        const double round = std::exp(drift(random));
        for (std::vector<double>& row : values) row.push_back(round * std::exp(noise(random)));
        if (values[0].size() < 5) continue;
        is_wrong = false;
        is_precise = true;
        for (size_t row = 0; row < kRows; ++row) {
          const RatioInterval interval = ratio_interval(values[row], values[kRows], shared_confidence(0.95, kRows));
          is_wrong |= verdict(interval) != Verdict::same;
          is_precise &= interval.reach() <= precision;
        }
      }
      wrong += is_wrong;
    }
    EXPECT_LT(wrong / double{kTrials}, 0.07) << precision;
  }
}

TEST(statistics, a_difference_that_the_noise_carries_is_found) {
  Machine machine;
  int found = 0;
  for (int i = 0; i < 200; ++i) found += verdict(machine.measure(0.9, 12)) == Verdict::less;
  EXPECT_GT(found, 190);
}

}  // namespace
}  // namespace tool
