// Command lines: what a verb declares, and the parse of argv. A thin face on CLI11, which only cli.cc includes because
// it takes seconds to compile.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

class Cli {
 public:
  Cli();
  ~Cli();
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  /// The page that --help prints: the line after "Usage:", what the verb does, and the text under the options.
  void usage(std::string line);
  void summary(std::string_view text);
  void details(std::string text);

  /// Options store into variables of the verb, which outlive the parse.
  void flag(const std::string& name, bool& target, const std::string& help);
  void value(const std::string& name, std::string& target, const std::string& placeholder, const std::string& help);
  /// May be given several times; each time takes one word.
  void values(const std::string& name, std::vector<std::string>& target, const std::string& placeholder,
              const std::string& help);

  /// A command to pass on: from the first word that is no option, all words as they are. At least one.
  void command(std::vector<std::string>& target, const std::string& placeholder, const std::string& help);

  enum class Outcome { run, help };
  /// Throws Failure(kUsage) where the arguments don't fit.
  Outcome parse(std::string_view verb, std::span<const char* const> arguments);

  std::string help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tool
