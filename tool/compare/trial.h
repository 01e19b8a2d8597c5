// One run of the program under one allocator: started with the library and the witness preloaded, waited for, measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compare/allocators.h"
#include "compare/measures.h"
#include "compare/metric.h"
#include "compare/testimony.h"

namespace tool {

struct Program {
  std::string path;                 // as find_program gives it
  std::vector<std::string> words;   // argv
  std::string witness;              // path of libhakmem-witness.so
  std::string input = "/dev/null";  // its stdin, opened anew for each run
  double most_seconds = 0;          // a run that takes longer is ended; 0: none is
};

struct Trial {
  int wait_status = 0;
  bool is_out_of_time = false;
  Run run;
  Judgement judgement;
  std::string no_metric;  // why run.metric isn't there, where one was wanted
  std::string output;     // the end of stdout and stderr
};

/// Runs the program to its end, or until its time is up, in a session of its own, and kills what it leaves behind in its
/// process group.
/// Throws Failure where it can't be started at all.
/// metric: to be found in its output; null: none is wanted.
Trial run_trial(const Program& program, const Allocator& allocator, const Metric* metric);

/// "exit status 3", "ended by SIGSEGV".
std::string describe_end(int wait_status);

}  // namespace tool
