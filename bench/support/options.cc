#include "support/options.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace hak::bench {

namespace {

constexpr const char* kSpreads[] = {"even", "log", "heavy"};

bool read_number(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  const std::string_view suffix(end, static_cast<size_t>(text.data() + text.size() - end));
  int shift = 0;
  if (suffix == "K") shift = 10;
  if (suffix == "M") shift = 20;
  if (suffix == "G") shift = 30;
  if (shift == 0 && !suffix.empty()) return false;
  if (number > (UINT64_MAX >> shift)) return false;
  number <<= shift;
  return true;
}

bool read_sizes(std::string_view text, Sizes& sizes) {
  const size_t dash = text.find('-');
  uint64_t least, most;
  if (!read_number(text.substr(0, dash), least)) return false;
  most = least;
  if (dash != std::string_view::npos && !read_number(text.substr(dash + 1), most)) return false;
  if (least == 0 || least > most || most >= (uint64_t{1} << 32)) return false;
  sizes.least = least;
  sizes.most = most;
  return true;
}

// The value as the command line and the result line show it; the type is the variant's.
std::string text_of(uint64_t number) { return std::to_string(number); }
std::string text_of(double number) { return json_number(number); }
std::string text_of(bool flag) { return flag ? "true" : "false"; }
std::string text_of(const Choice& choice) { return choice.words[choice.index]; }
std::string text_of(const Sizes& sizes) {
  if (sizes.least == 0) return "unset";
  return std::to_string(sizes.least) + "-" + std::to_string(sizes.most);
}
std::string text_of(Spread spread) { return kSpreads[static_cast<int>(spread)]; }

std::string words_of(const std::vector<const char*>& words) {
  std::string text;
  for (const char* word : words) text += (text.empty() ? "" : "|") + std::string(word);
  return text;
}

}  // namespace

void Options::add(const char* name, uint64_t& value, const char* help, uint64_t least) {
  options_.push_back({name, &value, help, least});
}
void Options::add(const char* name, double& value, const char* help) { options_.push_back({name, &value, help, 0}); }
void Options::add(const char* name, bool& value, const char* help) { options_.push_back({name, &value, help, 0}); }
void Options::add(const char* name, Choice& value, const char* help) { options_.push_back({name, &value, help, 0}); }
void Options::add(const char* name, Sizes& value, const char* help) {
  options_.push_back({name, &value, help, 0});
  options_.push_back({"spread", &value.spread,
                      "even|log|heavy: each size as often as another; each doubling as often as another; each doubling "
                      "with as many bytes",
                      0});
}

void Options::parse(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") print_help();
    if (!argument.starts_with("--")) fail("what is '" + std::string(argument) + "'? --help lists the options");
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    Option* const found = find(name);
    if (found == nullptr) fail("there is no option --" + std::string(name) + "; --help lists them");
    found->is_given = true;
    if (std::holds_alternative<bool*>(found->value)) {
      if (equals != std::string_view::npos) fail("--" + std::string(name) + " takes no value");
      *std::get<bool*>(found->value) = true;
    } else if (equals != std::string_view::npos) {
      set(*found, argument.substr(equals + 1));
    } else if (i + 1 < argc) {
      set(*found, argv[++i]);
    } else {
      fail("--" + std::string(name) + " wants a value");
    }
  }
  if (replaced_by_seconds_ == nullptr || !find("seconds")->is_given) return;
  if (const Option& count = *find(replaced_by_seconds_); !count.is_given) *std::get<uint64_t*>(count.value) = 0;
}

Options::Option* Options::find(std::string_view name) {
  for (Option& option : options_)
    if (name == option.name) return &option;
  return nullptr;
}

void Options::set(const Option& option, std::string_view text) const {
  const auto wants = [&](const std::string& what) {
    fail("--" + std::string(option.name) + " wants " + what + ", not '" + std::string(text) + "'");
  };
  if (auto* const number = std::get_if<uint64_t*>(&option.value)) {
    if (!read_number(text, **number) || **number < option.least) wants("a number from " + std::to_string(option.least));
  } else if (auto* const real = std::get_if<double*>(&option.value)) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), **real);
    if (error != std::errc{} || end != text.data() + text.size() || !(**real >= 0)) wants("a number from 0");
  } else if (auto* const sizes = std::get_if<Sizes*>(&option.value)) {
    if (!read_sizes(text, **sizes)) wants("sizes such as 16-512 or 64K");
  } else if (auto* const choice = std::get_if<Choice*>(&option.value)) {
    for (size_t i = 0; i < (*choice)->words.size(); i++)
      if (text == (*choice)->words[i]) return void((*choice)->index = i);
    wants(words_of((*choice)->words));
  } else if (auto* const spread = std::get_if<Spread*>(&option.value)) {
    for (int i = 0; i < 3; i++)
      if (text == kSpreads[i]) return void(**spread = static_cast<Spread>(i));
    wants("even, log or heavy");
  }
}

void Options::print_help() const {
  std::printf("%s: %s\n\nusage: %s [OPTION...]      an option is --NAME VALUE or --NAME=VALUE\n\n", program_, what_,
              program_);
  for (const Option& option : options_) {
    std::string help = option.help;
    if (auto* const choice = std::get_if<Choice*>(&option.value)) help = words_of((*choice)->words) + ": " + help;
    const std::string value = std::visit([](auto* v) { return text_of(*v); }, option.value);
    const bool flag = std::holds_alternative<bool*>(option.value);
    std::printf("  --%-14s %s%s\n", option.name, help.c_str(), flag ? "" : ("  [" + value + "]").c_str());
  }
  std::printf(
      "  --%-14s print one line of JSON on stdout instead of a sentence (bench/README.md describes it)\n"
      "  --%-14s NAME or /PATH: refuse to run (exit status 3) when malloc is another library's\n"
      "\nNumbers take K, M and G. Exit status: 0, 2 for wrong arguments, 3 on the wrong library, 1 for the rest.\n",
      "json", "expect");
  std::exit(0);
}

void Options::fail(const std::string& why) const {
  std::fprintf(stderr, "%s: %s\n", program_, why.c_str());
  std::exit(2);
}

std::string Options::as_json() const {
  std::string text;
  for (const Option& option : options_) {
    const std::string value = std::visit([](auto* v) { return text_of(*v); }, option.value);
    const bool is_word = option.value.index() >= 3;
    text += (text.empty() ? "" : ",") + json_string(option.name) + ":" + (is_word ? json_string(value) : value);
  }
  return text;
}

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    char escape[8];
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string json_number(double number) {
  if (!std::isfinite(number)) return "null";
  char text[40];
  if (std::fabs(number) < 1e15 && number == std::floor(number)) std::snprintf(text, sizeof text, "%.0f", number);
  else std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

}  // namespace hak::bench
