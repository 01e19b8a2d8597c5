// conf/nearest: distances between names.
#include "conf/nearest.h"

#include <gtest/gtest.h>

#include <string>

namespace hak::conf {
namespace {

TEST(Nearest, distance_counts_insertions_deletions_changes_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("stats", "STATS"), 0u);
  EXPECT_EQ(edit_distance("stat", "stats"), 1u);
  EXPECT_EQ(edit_distance("sttas", "stats"), 1u);
  EXPECT_EQ(edit_distance("state", "stats"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Nearest, distance_is_the_same_both_ways_and_bounded_for_endless_names) {
  const std::string endless(10'000, 'x');
  EXPECT_EQ(edit_distance(endless, ""), edit_distance("", endless));
  EXPECT_LE(edit_distance(endless, "stats"), 31u);
}

TEST(Nearest, misspelt_options_find_theirs_and_strangers_none) {
  EXPECT_EQ(nearest_name("stat"), "stats");
  EXPECT_EQ(nearest_name("limt"), "limit");
  EXPECT_EQ(nearest_name("STATSFILE"), "stats_file");
  EXPECT_EQ(nearest_name("huge"), "");
  EXPECT_EQ(nearest_name("cofn"), "conf");
  EXPECT_EQ(nearest_name("qqqqqqqq"), "");
  EXPECT_EQ(nearest_name(""), "");
}

}  // namespace
}  // namespace hak::conf
