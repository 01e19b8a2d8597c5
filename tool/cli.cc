#include "cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "failure.h"

namespace tool {
namespace {

// CLI11 takes "[a,b]" for a list and "{}" for an empty one. The words of a command must arrive as they are, so words
// that begin like that wear a mark on their way through it.
constexpr char kMark = '\x01';

std::string marked(const char* word) {
  const bool special = word[0] == '[' || word[0] == '{' || word[0] == '%' || word[0] == kMark;
  return special ? std::string(1, kMark) + word : std::string(word);
}

std::string unmarked(std::string word) {
  if (!word.empty() && word.front() == kMark) word.erase(0, 1);
  return word;
}

auto store_words(std::vector<std::string>& target) {
  return [&target](const std::vector<std::string>& words) {
    target.clear();
    for (const std::string& word : words) target.push_back(unmarked(word));
  };
}

// The help page: usage, options in one column, details. The command itself is explained in the details.
class HelpPage : public CLI::Formatter {
 public:
  std::string usage_line;

  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::string page = fmt::format("Usage: {}\n\n{}.\n\nOptions:\n", usage_line, app->get_description());
    std::vector<std::pair<std::string, std::string>> lines;
    size_t width = 20;
    for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->nonpositional(); })) {
      std::string name = option->get_name(false, true);
      if (option->get_type_size() != 0) name += " " + option->get_type_name();
      width = std::max(width, name.size());
      lines.emplace_back(std::move(name), option->get_description());
    }
    for (const auto& [name, text] : lines) page += fmt::format("  {:<{}} {}\n", name, width, text);
    if (!app->get_footer().empty()) page += "\n" + app->get_footer() + "\n";
    return page;
  }
};

}  // namespace

struct Cli::Impl {
  CLI::App app;
  std::shared_ptr<HelpPage> page = std::make_shared<HelpPage>();
};

Cli::Cli() : impl_(std::make_unique<Impl>()) {
  CLI::App& app = impl_->app;
  app.formatter(impl_->page);
  app.set_help_flag("-h,--help", "this text");
  app.positionals_at_end();
  app.option_defaults()->take_last();
}

Cli::~Cli() = default;

void Cli::usage(std::string line) { impl_->page->usage_line = std::move(line); }

void Cli::summary(std::string_view text) { impl_->app.description(std::string(text)); }

void Cli::details(std::string text) { impl_->app.footer(std::move(text)); }

void Cli::flag(const std::string& name, bool& target, const std::string& help) {
  impl_->app.add_flag(name, target, help)->disable_flag_override();
}

void Cli::value(const std::string& name, std::string& target, const std::string& placeholder, const std::string& help) {
  impl_->app
      .add_option_function<std::string>(
          name, [&target](const std::string& v) { target = unmarked(v); }, help)
      ->type_name(placeholder);
}

void Cli::values(const std::string& name, std::vector<std::string>& target, const std::string& placeholder,
                 const std::string& help) {
  CLI::Option* const option = impl_->app.add_option_function<std::vector<std::string>>(name, store_words(target), help);
  option->type_name(placeholder)->take_all()->allow_extra_args(false);
}

void Cli::command(std::vector<std::string>& target, const std::string& placeholder, const std::string& help) {
  impl_->app.add_option_function<std::vector<std::string>>(placeholder, store_words(target), help)
      ->required()
      ->take_all();
}

Cli::Outcome Cli::parse(std::string_view verb, std::span<const char* const> arguments) {
  std::vector<std::string> words;
  for (const char* argument : arguments) words.insert(words.begin(), marked(argument));  // CLI11 wants them reversed
  try {
    impl_->app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return Outcome::help;
  } catch (const CLI::ExtrasError& e) {
    throw Failure(kUsage, fmt::format("{}: there is no option '{}'", verb, unmarked(impl_->app.remaining().front())),
                  fmt::format("see: hakmem help {}", verb));
  } catch (const CLI::ParseError& e) {
    throw Failure(kUsage, fmt::format("{}: {}", verb, e.what()), fmt::format("see: hakmem help {}", verb));
  }
  return Outcome::run;
}

std::string Cli::help() const { return impl_->app.help(); }

}  // namespace tool
