// A comparison: rounds in which every allocator runs the program once, in a new random order each time, until the
// intervals are narrow enough.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "compare/allocators.h"
#include "compare/measures.h"
#include "compare/metric.h"
#include "compare/statistics.h"
#include "compare/trial.h"

namespace tool {

struct Plan {
  Program program;
  std::vector<Allocator> allocators;  // the first is the baseline
  unsigned warmup = 1;
  unsigned least_rounds = 5;
  unsigned most_rounds = 30;
  double confidence = 0.95;  // that all intervals hold together
  double precision = 0.02;   // reach of an interval that is narrow enough
  double most_seconds = 0;   // no new round after that; 0: no limit
  const Metric* metric = nullptr;
  bool metric_less_is_better = false;
};

struct Row {
  Allocator allocator;
  std::string malloc_file;  // proven
  std::vector<Run> runs;    // one a round; the warm-up isn't among them
  std::string failure;      // why it was taken out, or, of the baseline, why all ended; empty: it wasn't
  std::string output;       // then: of the run that failed
};

enum class Stop { precise, rounds, time, interrupted, alone, baseline };  // the last: it failed, but not at first

struct Comparison {
  std::vector<Row> rows;          // the first is the baseline
  std::vector<Measure> measures;  // the first decides when to stop
  size_t rounds = 0;
  Stop stop = Stop::rounds;
  int baseline_status = 0;     // from wait(2)
  double each_confidence = 0;  // of a single interval
};

/// Where it stands: shown while a comparison runs.
struct Position {
  bool is_warmup = false;
  unsigned round = 0;  // from 1
  std::string allocator;
  double widest = 0;        // reach of the widest interval; 0: not known yet
  double seconds_done = 0;  // of measuring, without the warm-up
  double seconds_left = 0;  // 0: not known yet
};

/// Throws Failure where the baseline can't be measured even once.
Comparison compare(const Plan& plan, const std::function<void(const Position&)>& show);

std::vector<double> values_of(const Row& row, const Measure& measure);

/// Of a row's measure to the baseline's.
RatioInterval interval_of(const Comparison& comparison, const Row& row, const Measure& measure);

Verdict verdict_of(const Comparison& comparison, const Row& row, const Measure& measure);

/// The reach of the widest interval of the first measure; 0 where none is known.
double widest_reach(const Comparison& comparison);

/// The last lines of a text, for messages.
std::string last_lines(const std::string& text, size_t lines);

}  // namespace tool
