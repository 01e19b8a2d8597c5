// The one table of options. The parser, HAKMEM_HELP, the warnings and docs/options.md come from it: a new option is a
// member of Config and a row here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "conf/config.h"

namespace hak::conf {

enum class Type : uint8_t {
  flag,    // 0 1 off on no yes false true
  count,   // 4096
  bytes,   // 4096 64KiB 2M 1G
  ms,      // 500 500ms 1s 2m
  misuse,  // abort report
  text,
};

/// Access to one member of Config as a number; a text's is null.
struct Where {
  void (*store)(Config&, uint64_t) = nullptr;
  uint64_t (*load)(const Config&) = nullptr;
  ShortText& (*text)(Config&) = nullptr;
  bool is_text = false;  // gcc with -fsanitize=undefined can't compare functions with null in a constant
};

template <auto kMember>
constexpr Where numeric() {
  return {.store =
              [](Config& c, uint64_t value) {
                using Value = std::remove_reference_t<decltype(c.*kMember)>;
                c.*kMember = static_cast<Value>(value);
              },
          .load = [](const Config& c) { return static_cast<uint64_t>(c.*kMember); },
          .text = nullptr,
          .is_text = false};
}

template <ShortText Config::*kMember>
constexpr Where textual() {
  return {
      .store = nullptr, .load = nullptr, .text = [](Config& c) -> ShortText& { return c.*kMember; }, .is_text = true};
}

constexpr uint64_t kNoOff = kOff - 1;  // in column `off`: the option knows no `off`

struct Option {
  std::string_view name;
  Type type;
  uint64_t usual, least, most;  // default and range, in the option's unit
  uint64_t off;                 // what `off` stores, or kNoOff
  Where where;
  std::string_view help;  // one line of at most kHelpMost bytes
};

constexpr uint64_t kKiB = 1024, kMiB = kKiB * kKiB, kGiB = kKiB * kMiB, kTiB = kKiB * kGiB;
constexpr uint64_t kHour = 3'600'000;  // ms
constexpr size_t kNameMost = 31;
constexpr size_t kHelpMost = 44;

inline constexpr Option kOptions[] = {
    // name, type, default, least, most, off, where, help; sorted by name
    {"background", Type::flag, 1, 0, 1, 0, numeric<&Config::background>(), "a thread may give back what others leave"},
    {"cgroup", Type::text, 0, 0, 0, kNoOff, textual<&Config::cgroup>(), "where cgroups are mounted; /sys/fs/cgroup"},
    {"crowd", Type::count, 32, 0, 1'000'000, kOff, numeric<&Config::crowd>(),
     "live threads from which new ones share slabs"},
    {"decay", Type::ms, 1000, 0, 24 * kHour, kOff, numeric<&Config::decay_ms>(),
     "how long freed memory stays committed"},
    {"fault", Type::text, 0, 0, 0, kNoOff, textual<&Config::fault>(), "for tests: calls to refuse, map@3x2=ENOMEM"},
    {"help", Type::flag, 0, 0, 1, 0, numeric<&Config::help>(), "print this table"},
    {"huge_from", Type::bytes, 16 * kMiB, 0, 16 * kTiB, kOff, numeric<&Config::huge_from_bytes>(),
     "heap size for huge pages; big blocks: 1/4"},
    {"limit", Type::bytes, 0, 0, 16 * kTiB, 0, numeric<&Config::limit_bytes>(), "memory to stay under; 0: none"},
    {"limit_hard", Type::flag, 0, 0, 1, 0, numeric<&Config::limit_hard>(), "no memory beyond it: ENOMEM"},
    {"limit_share", Type::count, 0, 0, 100, 0, numeric<&Config::limit_share>(),
     "limit as per cent of the cgroup's; 0: none"},
    {"misuse", Type::misuse, 0, 0, 1, kNoOff, numeric<&Config::misuse>(), "after a report: abort, or ignore the call"},
    {"price", Type::count, 2000, 0, 1'000'000'000, 0, numeric<&Config::price>(),
     "page faults (us) that 1 MiB for 1 s is worth"},
    {"stats", Type::flag, 0, 0, 1, 0, numeric<&Config::stats>(), "print statistics at exit"},
    {"stats_file", Type::text, 0, 0, 0, kNoOff, textual<&Config::stats_file>(),
     "file for them, %p: process id; else stderr"},
    {"tiny_use_superslab", Type::flag, 1, 0, 1, 0, numeric<&Config::tiny_use_superslab>(),
     "0: tiny slabs come and go singly, to compare"},
    {"verbose", Type::flag, 0, 0, 1, 0, numeric<&Config::verbose>(), "say what was found and chosen at start"},
    {"window", Type::bytes, kTiB, 64 * kMiB, 16 * kTiB, kNoOff, numeric<&Config::window_bytes>(),
     "address range to use at most"},
};
constexpr size_t kOptionCount = sizeof kOptions / sizeof kOptions[0];

/// The words of an option of type misuse, by OnMisuse.
inline constexpr std::string_view kMisuseWords[] = {"abort", "report"};

/// HAKMEM_ variables that are not options: read by others, passed over here.
struct OtherVariable {
  std::string_view name;  // after HAKMEM_, lower case
  std::string_view help;
};
inline constexpr OtherVariable kOtherVariables[] = {
    {"conf", "options in one string: limit:2G,stats:true"},
    {"lib", "for `hakmem run`: the library to preload"},
};

/// A Config with every option at its default.
constexpr Config defaults() {
  Config c = {};
  for (const Option& option : kOptions)
    if (!option.where.is_text) option.where.store(c, option.usual);
  return c;
}

/// The option of that name, in lower case; null if there is none.
const Option* find_option(std::string_view name);

// ---- Proofs that the table is complete ----

namespace proof {
struct Any {
  template <class T>
  operator T() const;  // declared only: counts the members of Config
};
template <class T, class... Members>
constexpr size_t member_count() {
  if constexpr (requires { T{Members{}..., Any{}}; }) return member_count<T, Members..., Any>();
  else return sizeof...(Members);
}

constexpr bool sorted_and_sane() {
  for (size_t i = 0; i < kOptionCount; ++i) {
    const Option& o = kOptions[i];
    if (i > 0 && !(kOptions[i - 1].name < o.name)) return false;
    if (o.name.size() > kNameMost || o.help.size() > kHelpMost) return false;
    if ((o.type == Type::text) != o.where.is_text) return false;
    if (o.usual != kOff && (o.usual < o.least || o.usual > o.most)) return false;
  }
  return true;
}

// Whether storing through one row is seen through that row only.
constexpr bool one_row_per_member() {
  for (const Option& writer : kOptions) {
    if (writer.type == Type::text) continue;
    Config c = {};
    writer.where.store(c, 1);
    for (const Option& reader : kOptions)
      if (reader.type != Type::text && reader.where.load(c) != (&reader == &writer ? 1 : 0)) return false;
  }
  return true;
}
}  // namespace proof
static_assert(proof::member_count<Config>() == kOptionCount, "every member of Config has its row in kOptions");
static_assert(proof::sorted_and_sane(), "kOptions: sorted by name, unique, defaults in range, help fits 80 columns");
static_assert(proof::one_row_per_member(), "no two rows of kOptions stand for one member");
static_assert(sizeof kMisuseWords / sizeof kMisuseWords[0] == 2 && static_cast<int>(OnMisuse::report) == 1);

}  // namespace hak::conf
