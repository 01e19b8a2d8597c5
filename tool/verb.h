// A verb of the hakmem command: `hakmem VERB ...`. Each is one file in verbs/, and one row of the table in main.cc.
#pragma once

#include <memory>

#include "cli.h"

namespace tool {

class Verb {
 public:
  virtual ~Verb() = default;

  /// Tells `cli` the usage, options and details.
  virtual void declare(Cli& cli) = 0;

  /// Does it; the options are parsed. Returns the exit status, or throws Failure.
  virtual int run() = 0;
};

std::unique_ptr<Verb> make_compare();  // verbs/compare.cc
std::unique_ptr<Verb> make_run();      // verbs/run.cc

}  // namespace tool
