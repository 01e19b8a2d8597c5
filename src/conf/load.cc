#include "conf/load.h"

#include <sys/auxv.h>
#include <unistd.h>

#include "base/scan.h"
#include "conf/nearest.h"
#include "conf/options.h"
#include "conf/parse.h"
#include "os/fault.h"
#include "os/keep_errno.h"
#include "os/output.h"

namespace hak::conf {

namespace {

constexpr std::string_view kPrefix = "HAKMEM_";
constexpr size_t kShownMost = 60;  // of a name or value that is quoted in a warning

// Where a setting stands, which is how warnings name it.
enum class Source : uint8_t { variable, conf };

// Text from outside, made fit for a line of a log.
void add_quoted(Text& out, std::string_view s) {
  for (size_t i = 0; i < s.size() && i < kShownMost; ++i) out.add(s[i] >= ' ' && s[i] != '\x7f' ? s[i] : '?');
  if (s.size() > kShownMost) out.add("...");
}

void add_variable(Text& out, std::string_view name) {
  out.add(kPrefix);
  for (const char c : name) out.add(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
}

class Reader {
 public:
  Reader(Config& out, Warn warn, void* context) : config_(out), warn_(warn), context_(context) {}

  // "limit:2G,stats:true"
  void read_conf(std::string_view items) {
    while (!items.empty()) {
      std::string_view value = take_until(items, ',');
      const std::string_view name = take_until(value, ':');
      if (!name.empty()) set(name, name, value, Source::conf);
    }
  }

  // name: as the user wrote it; key: as the table has it.
  void set(std::string_view name, std::string_view key, std::string_view value, Source source) {
    const Option* const option = find_option(key);
    if (option == nullptr) return warn_unknown(name, source);
    if (value.empty()) return;  // set to nothing is as good as not set
    if (option->type == Type::text ? set_text(*option, value) : set_number(*option, value)) return;
    warn_malformed(*option, value, source);
  }

 private:
  bool set_number(const Option& option, std::string_view value) {
    const Parsed parsed = parse_value(option, value);
    if (parsed.ok) option.where.store(config_, parsed.value);
    return parsed.ok;
  }

  bool set_text(const Option& option, std::string_view value) {
    if (value.size() > ShortText::kMost) return false;
    ShortText& text = option.where.text(config_);
    text = {};
    for (const char c : value) text.bytes[text.size++] = c;
    return true;
  }

  [[gnu::cold]] void warn_unknown(std::string_view name, Source source) {
    FixedText<256> line;
    const std::string_view nearest = nearest_name(name);
    if (source == Source::variable) {
      line.add("unknown variable HAKMEM_");
      add_quoted(line, name);
    } else {
      line.add("unknown option ");
      add_quoted(line, name);
      line.add(" in HAKMEM_CONF");
    }
    if (nearest.empty()) {
      line.add("; HAKMEM_HELP=1 lists all");
    } else {
      line.add("; did you mean ");
      if (source == Source::variable) add_variable(line, nearest);
      else line.add(nearest);
      line.add("?");
    }
    warn_(context_, line.view());
  }

  // "HAKMEM_DECAY=soon is not understood; it takes 0 to 24 h, or off; 1 s stays"
  [[gnu::cold]] void warn_malformed(const Option& option, std::string_view value, Source source) {
    FixedText<256> line;
    if (source == Source::variable) {
      add_variable(line, option.name);
      line.add("=");
    } else {
      line.add(option.name).add(":");
    }
    add_quoted(line, value);
    line.add(source == Source::conf ? " in HAKMEM_CONF" : "").add(" is not understood; it takes ");
    add_range(line, option);
    if (option.type != Type::text) {
      line.add("; ");
      add_value(line, option, option.where.load(config_));
      line.add(" stays");
    }
    warn_(context_, line.view());
  }

  Config& config_;
  const Warn warn_;
  void* const context_;
};

// Calls visit(name, key, value) for each variable of ours: the name is what stands after HAKMEM_, the key is the name
// in lower case, and empty where the name isn't spelt like an option's.
template <class Visit>
void for_each_variable(char** environ, Visit visit) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view value = *entry;
    if (!take(value, kPrefix)) continue;
    const std::string_view name = take_until(value, '=');
    FixedText<kNameMost> key;
    bool is_ours = name.size() <= kNameMost;
    for (const char c : name) {
      key.add(lower(c));
      is_ours = is_ours && !(c >= 'a' && c <= 'z');
    }
    visit(name, is_ours ? key.view() : std::string_view(), value);
  }
}

bool is_other_variable(std::string_view name) {
  for (const OtherVariable& other : kOtherVariables)
    if (name == other.name) return true;
  return false;
}

void print_warning(void*, std::string_view line) { os::message(line); }

void print_help() {
  char buffer[1024];
  int fd = STDERR_FILENO;
  Text out(buffer, sizeof buffer, os::flush_to_fd, &fd);
  add_help(out);
  out.flush();
}

void add_help_row(Text& out, std::string_view name, std::string_view usual, std::string_view help) {
  FixedText<64> variable;
  add_variable(variable, name);
  out.left(25, variable.view()).right(8, usual).add("  ").add(help).add('\n');
}

}  // namespace

void read_environment(char** environ, Config& out, Warn warn, void* context) {
  out = defaults();
  if (environ == nullptr) return;
  Reader reader(out, warn, context);
  for_each_variable(environ, [&](std::string_view, std::string_view key, std::string_view value) {
    if (key == "conf") reader.read_conf(value);
  });
  for_each_variable(environ, [&](std::string_view name, std::string_view key, std::string_view value) {
    if (!is_other_variable(key)) reader.set(name, key, value, Source::variable);
  });
}

void add_changed(Text& out) {
  bool any = false;
  for (const Option& option : kOptions) {
    const bool is_text = option.type == Type::text;
    if (is_text ? option.where.text(g_config).empty() : option.where.load(g_config) == option.usual) continue;
    any = true;
    out.add(' ');
    add_variable(out, option.name);
    out.add('=');
    if (is_text) add_quoted(out, option.where.text(g_config).view());
    else add_value(out, option, option.where.load(g_config));
  }
  if (!any) out.add(" all at their defaults");
}

void add_help(Text& out) {
  out.add("hakmem's options, each a variable, or together in HAKMEM_CONF:\n");
  out.left(25, "variable").right(8, "default").add("  meaning\n");
  for (const Option& option : kOptions) {
    FixedText<16> usual;
    if (option.type == Type::text) usual.add("-");
    else add_value(usual, option, option.usual);
    add_help_row(out, option.name, usual.view(), option.help);
  }
  for (const OtherVariable& other : kOtherVariables) add_help_row(out, other.name, "-", other.help);
  out.add(
      "Sizes: 4096 64KiB 2M 1G. Times: 500ms 1s 2m. Switches: 1 0 on off. 0: at once,\n"
      "off: never. Ranges: docs/options.md.\n");
}

void load(char** environ) {
  const os::KeepErrno keep;
  if (getauxval(AT_SECURE) != 0) environ = nullptr;
  read_environment(environ, g_config, print_warning, nullptr);
  const std::string_view fault = g_config.fault.view();
  if (!fault.empty() && !os::fault::arm_from_text(fault))
    os::message("HAKMEM_FAULT is not understood; no call is refused; see docs/options.md");
  if (g_config.help) print_help();
}

}  // namespace hak::conf
