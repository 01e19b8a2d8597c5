// conf/load: from an environment to a Config and its warnings.
#include "conf/load.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "conf/options.h"

namespace hak::conf {
namespace {

struct Read {
  Config config;
  std::vector<std::string> warnings;
};

Read read(std::vector<std::string> variables) {
  std::vector<char*> environ;
  for (std::string& variable : variables) environ.push_back(variable.data());
  environ.push_back(nullptr);
  Read result;
  read_environment(
      environ.data(), result.config,
      [](void* to, std::string_view line) { static_cast<std::vector<std::string>*>(to)->emplace_back(line); },
      &result.warnings);
  return result;
}

using Lines = std::vector<std::string>;

TEST(Load, an_empty_environment_or_none_gives_the_defaults_of_the_table) {
  for (const Config& c : {read({}).config, defaults(), [] {
                            Config none;
                            read_environment(nullptr, none, nullptr, nullptr);
                            return none;
                          }()}) {
    EXPECT_FALSE(c.stats);
    EXPECT_TRUE(c.stats_file.empty());
    EXPECT_EQ(c.window_bytes, kTiB);
    EXPECT_EQ(c.huge_from_bytes, 16 * kMiB);
    EXPECT_EQ(c.decay_ms, 1000u);
    EXPECT_EQ(c.limit_bytes, 0u);
    EXPECT_EQ(c.crowd, 32u);
    EXPECT_EQ(c.misuse, OnMisuse::abort);
  }
}

TEST(Load, each_variable_sets_its_option_and_others_are_not_ours) {
  const Read r =
      read({"PATH=/bin", "HAKMEM_STATS=1", "HAKMEM_STATS_FILE=/tmp/a:b,c.%p", "HAKMEM_DECAY=off", "HAKMEM_LIMIT=2G",
            "HAKMEM_MISUSE=report", "HAKMEM=1", "hakmem_stats=0", "HAKMEM_LIB=/x/libhakmem.so"});
  EXPECT_TRUE(r.config.stats);
  EXPECT_EQ(r.config.stats_file.view(), "/tmp/a:b,c.%p");
  EXPECT_EQ(r.config.decay_ms, kOff);
  EXPECT_EQ(r.config.limit_bytes, 2 * kGiB);
  EXPECT_EQ(r.config.misuse, OnMisuse::report);
  EXPECT_EQ(r.warnings, Lines{});
}

TEST(Load, one_string_sets_many_and_single_variables_win_wherever_they_stand) {
  const Read r = read({"HAKMEM_LIMIT=1G", "HAKMEM_CONF=limit:2G,,stats:true,decay:2s,"});
  EXPECT_EQ(r.config.limit_bytes, kGiB);
  EXPECT_TRUE(r.config.stats);
  EXPECT_EQ(r.config.decay_ms, 2000u);
  EXPECT_EQ(r.warnings, Lines{});
}

TEST(Load, nothing_is_set_by_nothing) {
  const Read r = read({"HAKMEM_STATS=", "HAKMEM_DECAY=", "HAKMEM_CONF=", "HAKMEM_CROWD"});
  EXPECT_EQ(r.config.decay_ms, 1000u);
  EXPECT_EQ(r.warnings, Lines{});
}

TEST(Load, an_unknown_name_gets_one_line_with_the_nearest_and_the_rest_applies) {
  const Read r = read({"HAKMEM_STAT=1", "HAKMEM_CROWD=7", "HAKMEM_CONF=limt:1G,decay:5", "HAKMEM_stats=1",
                       "HAKMEM_ZZZZZZZZZZ=1", "HAKMEM_=1"});
  EXPECT_EQ(r.config.crowd, 7u);
  EXPECT_EQ(r.config.decay_ms, 5u);
  EXPECT_FALSE(r.config.stats);
  EXPECT_EQ(r.warnings, (Lines{
                            "unknown option limt in HAKMEM_CONF; did you mean limit?",
                            "unknown variable HAKMEM_STAT; did you mean HAKMEM_STATS?",
                            "unknown variable HAKMEM_stats; did you mean HAKMEM_STATS?",
                            "unknown variable HAKMEM_ZZZZZZZZZZ; HAKMEM_HELP=1 lists all",
                            "unknown variable HAKMEM_; HAKMEM_HELP=1 lists all",
                        }));
}

TEST(Load, a_malformed_value_gets_one_line_with_the_range_and_the_default_stays) {
  const Read r = read({"HAKMEM_DECAY=soon", "HAKMEM_WINDOW=1M", "HAKMEM_STATS=2", "HAKMEM_CONF=crowd:-1",
                       "HAKMEM_MISUSE=maybe", "HAKMEM_LIMIT=1\n2", "HAKMEM_STATS_FILE=" + std::string(256, 'f')});
  EXPECT_EQ(r.config.decay_ms, 1000u);
  EXPECT_EQ(r.config.crowd, 32u);
  EXPECT_EQ(r.warnings,
            (Lines{
                "crowd:-1 in HAKMEM_CONF is not understood; it takes 0 to 1000000, or off; 32 stays",
                "HAKMEM_DECAY=soon is not understood; it takes 0 ms to 24 h, or off; 1 s stays",
                "HAKMEM_WINDOW=1M is not understood; it takes 64 MiB to 16 TiB; 1 TiB stays",
                "HAKMEM_STATS=2 is not understood; it takes 0 or 1; 0 stays",
                "HAKMEM_MISUSE=maybe is not understood; it takes abort or report; abort stays",
                "HAKMEM_LIMIT=1?2 is not understood; it takes 0 to 16 TiB, or off; 0 stays",
                "HAKMEM_STATS_FILE=" + std::string(60, 'f') + "... is not understood; it takes at most 255 bytes",
            }));
}

TEST(Load, endless_names_and_values_still_make_one_short_line) {
  const Read r = read({"HAKMEM_" + std::string(100'000, 'A') + "=1", "HAKMEM_DECAY=" + std::string(100'000, '9'),
                       "HAKMEM_CONF=" + std::string(100'000, ':')});
  ASSERT_EQ(r.warnings.size(), 2u);
  for (const std::string& line : r.warnings) EXPECT_LE(line.size(), 255u);
}

TEST(Load, help_lists_every_option_in_80_columns) {
  char buffer[8192];
  Text out(buffer, sizeof buffer);
  add_help(out);
  ASSERT_FALSE(out.truncated());
  const std::string help(out.view());
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_NE(help.find("HAKMEM_DECAY                  1 s  how long freed memory stays committed\n"), std::string::npos)
      << help;
  for (const Option& option : kOptions) EXPECT_NE(help.find(option.help), std::string::npos) << option.name;
}

}  // namespace
}  // namespace hak::conf
