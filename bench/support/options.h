// The options of a load program: one table, from which the parser, --help and the parameters in the result line come.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "support/random.h"

namespace hak::bench {

/// One of a few words; `index` counts in the order of `words`.
struct Choice {
  std::vector<const char*> words;
  size_t index = 0;
};

class Options {
 public:
  /// what: the sentence that --help begins with.
  Options(const char* program, const char* what) : program_(program), what_(what) {}

  /// Adds an option --name; `value` holds the default now and is set by parse(). Numbers take the suffixes K, M and G
  /// (powers of 1024); sizes are LEAST-MOST or one number; a bool is given without a value.
  void add(const char* name, uint64_t& value, const char* help, uint64_t least = 1);
  void add(const char* name, double& value, const char* help);
  void add(const char* name, bool& value, const char* help);
  void add(const char* name, Choice& value, const char* help);
  void add(const char* name, Sizes& value, const char* help);  // adds --spread too

  /// --seconds given without --`count` makes that 0: until the time is up. Both were added.
  void seconds_replace(const char* count) { replaced_by_seconds_ = count; }

  /// Reads the arguments. --help prints the table and ends the process; so does a mistake, with a line on stderr and 2.
  void parse(int argc, char** argv);

  /// Ends the process with 2 and a line: for what a single option can't check.
  [[noreturn]] void fail(const std::string& why) const;

  const char* program() const { return program_; }

  /// The options and their values as the members of a JSON object: "threads":2,"sizes":"16-512"
  std::string as_json() const;

 private:
  using Value = std::variant<uint64_t*, double*, bool*, Choice*, Sizes*, Spread*>;
  struct Option {
    const char* name;
    Value value;
    const char* help;
    uint64_t least;
    bool is_given = false;
  };

  Option* find(std::string_view name);
  void set(const Option& option, std::string_view text) const;
  [[noreturn]] void print_help() const;

  const char* program_;
  const char* what_;
  std::vector<Option> options_;
  const char* replaced_by_seconds_ = nullptr;
};

/// The text in double quotes, as JSON writes it.
std::string json_string(std::string_view text);

/// The number as JSON writes it, short; numbers that JSON lacks (infinity) become null.
std::string json_number(double number);

}  // namespace hak::bench
