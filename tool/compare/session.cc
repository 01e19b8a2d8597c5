#include "compare/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "compare/interrupt.h"
#include "failure.h"

namespace tool {
namespace {

constexpr size_t kShownLines = 10;  // of the output of a baseline that fails

class Session {
 public:
  Session(const Plan& plan, const std::function<void(const Position&)>& show) : plan_(plan), show_(show) {
    for (const Allocator& allocator : plan.allocators) result_.rows.push_back({allocator, "", {}, "", ""});
    if (plan.metric != nullptr)
      result_.measures.push_back(plan.metric_less_is_better ? kMetricLessIsBetter : kMetricMoreIsBetter);
    result_.measures.insert(result_.measures.end(), std::begin(kMeasures), std::end(kMeasures));
    result_.each_confidence =
        shared_confidence(plan.confidence, (plan.allocators.size() - 1) * result_.measures.size());
  }

  Comparison run() {
    const InterruptGuard guard;
    for (unsigned i = 1; i <= plan_.warmup && interrupted_by() == 0; ++i) run_round({true, i, "", 0, 0, 0});
    begin_ = std::chrono::steady_clock::now();
    while (!must_stop()) {
      const Position position = {
          false, static_cast<unsigned>(result_.rounds + 1), "", widest_reach(result_), elapsed_s(), seconds_left()};
      if (run_round(position)) ++result_.rounds;
    }
    return std::move(result_);
  }

 private:
  // All that are left run once; the results count only when the round is whole. Whether it is.
  bool run_round(Position position) {
    std::vector<size_t> order;
    for (size_t i = 0; i < result_.rows.size(); ++i)
      if (result_.rows[i].failure.empty()) order.push_back(i);
    std::shuffle(order.begin(), order.end(), random_);
    std::vector<Trial> trials(result_.rows.size());
    for (const size_t i : order) {
      position.allocator = result_.rows[i].allocator.name;
      show_(position);
      trials[i] = run_trial(plan_.program, result_.rows[i].allocator, plan_.metric);
      if (interrupted_by() != 0) return false;
    }
    if (!accept_baseline(trials[0], position)) return false;
    for (const size_t i : order) accept(result_.rows[i], trials[i], position);
    return true;
  }

  // What the program does under the baseline is right, as long as it does the same each time. If it doesn't, the whole
  // rounds before that still stand.
  bool accept_baseline(const Trial& trial, const Position& position) {
    Row& row = result_.rows[0];
    std::string reason = trial.judgement.refusal;
    if (trial.is_out_of_time) reason = out_of_time();
    else if (WIFSIGNALED(trial.wait_status)) reason = describe_end(trial.wait_status);
    if (reason.empty() && has_status_ && trial.wait_status != result_.baseline_status)
      reason = fmt::format("{}, but {} before", describe_end(trial.wait_status), describe_end(result_.baseline_status));
    if (reason.empty()) reason = trial.no_metric;
    if (!reason.empty() && result_.rounds == 0)
      throw Failure(
          kOwnFailure,
          fmt::format("nothing to compare with: {} under {}: {}", plan_.program.words[0], row.allocator.name, reason),
          last_lines(trial.output, kShownLines));
    if (!reason.empty()) {
      row.failure = fmt::format("{}, in round {}", reason, position.round);
      row.output = trial.output;
      return false;
    }
    result_.baseline_status = trial.wait_status;
    has_status_ = true;
    return true;
  }

  void accept(Row& row, const Trial& trial, const Position& position) {
    std::string reason;
    if (trial.is_out_of_time) reason = out_of_time();
    else if (trial.wait_status != result_.baseline_status)
      reason = fmt::format("{} ({}: {})", describe_end(trial.wait_status), result_.rows[0].allocator.name,
                           describe_end(result_.baseline_status));
    if (reason.empty() && !trial.judgement.refusal.empty()) reason = "refused: " + trial.judgement.refusal;
    if (reason.empty()) reason = trial.no_metric;
    if (!reason.empty()) {
      row.failure = reason;
      if (!position.is_warmup && position.round > 1) row.failure += fmt::format(", in round {}", position.round);
      row.output = trial.output;
      return;
    }
    row.malloc_file = trial.judgement.malloc_file;
    if (!position.is_warmup) row.runs.push_back(trial.run);
  }

  std::string out_of_time() const {
    return fmt::format("took longer than {} s, as --timeout allows", plan_.program.most_seconds);
  }

  bool must_stop() {
    const auto stop = [&](Stop reason) {
      result_.stop = reason;
      return true;
    };
    if (interrupted_by() != 0) return stop(Stop::interrupted);
    if (!result_.rows[0].failure.empty()) return stop(Stop::baseline);
    const bool any_left =
        std::any_of(result_.rows.begin() + 1, result_.rows.end(), [](const Row& row) { return row.failure.empty(); });
    if (!any_left && result_.rows.size() > 1) return stop(Stop::alone);
    if (result_.rounds >= plan_.most_rounds) return stop(Stop::rounds);
    if (plan_.most_seconds > 0 && result_.rounds > 0 && elapsed_s() >= plan_.most_seconds) return stop(Stop::time);
    if (result_.rounds < std::max(plan_.least_rounds, 2u)) return false;
    if (result_.rows.size() > 1 && widest_reach(result_) <= plan_.precision) return stop(Stop::precise);
    return false;
  }

  double elapsed_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

  // An interval narrows with the square root of the rounds.
  double seconds_left() const {
    if (result_.rounds == 0) return 0;
    const double done = static_cast<double>(result_.rounds);
    const double reach = widest_reach(result_);
    double wanted = plan_.most_rounds;
    if (reach > 0) wanted = std::min(wanted, std::ceil(done * std::pow(reach / plan_.precision, 2)));
    wanted = std::max({wanted, static_cast<double>(plan_.least_rounds), done + 1});
    const double left = elapsed_s() / done * (wanted - done);
    return plan_.most_seconds > 0 ? std::min(left, std::max(0.0, plan_.most_seconds - elapsed_s())) : left;
  }

  const Plan& plan_;
  const std::function<void(const Position&)>& show_;
  Comparison result_;
  bool has_status_ = false;
  std::mt19937 random_{std::random_device{}()};
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace

Comparison compare(const Plan& plan, const std::function<void(const Position&)>& show) {
  return Session(plan, show).run();
}

std::vector<double> values_of(const Row& row, const Measure& measure) {
  std::vector<double> values;
  for (const Run& run : row.runs) values.push_back(measure.of(run));
  return values;
}

RatioInterval interval_of(const Comparison& comparison, const Row& row, const Measure& measure) {
  return ratio_interval(values_of(row, measure), values_of(comparison.rows[0], measure), comparison.each_confidence);
}

Verdict verdict_of(const Comparison& comparison, const Row& row, const Measure& measure) {
  const double baseline = geometric_mean(values_of(comparison.rows[0], measure));
  return verdict(interval_of(comparison, row, measure), baseline > 0 ? measure.chance / baseline : 0);
}

double widest_reach(const Comparison& comparison) {
  double widest = 0;
  for (size_t i = 1; i < comparison.rows.size(); ++i) {
    const Row& row = comparison.rows[i];
    if (!row.failure.empty()) continue;
    const RatioInterval interval = interval_of(comparison, row, comparison.measures[0]);
    if (interval.is_known()) widest = std::max(widest, interval.reach());
  }
  return widest;
}

std::string last_lines(const std::string& text, size_t lines) {
  size_t end = text.size();
  while (end > 0 && text[end - 1] == '\n') --end;
  size_t from = end;
  while (from > 0 && (text[from - 1] != '\n' || --lines > 0)) --from;
  return text.substr(from, end - from);
}

}  // namespace tool
