// Exit statuses of the hakmem command; `run` passes the program's own through. Those of env(1) and nohup(1).
#pragma once

namespace tool {

enum ExitCode : int {
  kSuccess = 0,
  kNegative = 1,         // the answer is no: for verbs that answer a question
  kUsage = 2,            // the command line is wrong
  kOwnFailure = 125,     // hakmem could not do its part
  kNotExecutable = 126,  // the program is there, but can't be executed
  kNotFound = 127,       // there is no such program
};

}  // namespace tool
