// How a verb ends when it can't go on: one exception, caught in main.cc, that carries what happened, what to do about
// it, and the exit status.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "exit_code.h"

namespace tool {

class Failure : public std::exception {
 public:
  /// what: one line without a final stop, names the thing. remedy: what the user can do, may be empty or many lines.
  Failure(ExitCode status, std::string what, std::string remedy = "")
      : status_(status), what_(std::move(what)), remedy_(std::move(remedy)) {}

  const char* what() const noexcept override { return what_.c_str(); }
  const std::string& remedy() const { return remedy_; }
  ExitCode status() const { return status_; }

 private:
  ExitCode status_;
  std::string what_;
  std::string remedy_;
};

}  // namespace tool
