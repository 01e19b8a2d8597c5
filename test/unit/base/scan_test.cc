// base/scan: numbers and pieces from text.
#include "base/scan.h"

#include <gtest/gtest.h>

namespace hak {
namespace {

TEST(Scan, decimal_digits_are_taken_and_the_rest_is_left) {
  std::string_view text = "4096KiB";
  uint64_t n = 0;
  EXPECT_TRUE(take_decimal(text, n));
  EXPECT_EQ(n, 4096u);
  EXPECT_EQ(text, "KiB");
}

TEST(Scan, a_number_too_large_or_missing_leaves_everything_as_it_was) {
  uint64_t n = 7;
  for (const std::string_view wrong : {"18446744073709551616", "99999999999999999999999", "", "x1", "-1", " 1"}) {
    std::string_view text = wrong;
    EXPECT_FALSE(take_decimal(text, n)) << wrong;
    EXPECT_EQ(text, wrong);
    EXPECT_EQ(n, 7u);
  }
  std::string_view most = "18446744073709551615";
  EXPECT_TRUE(take_decimal(most, n));
  EXPECT_EQ(n, ~uint64_t{0});
}

TEST(Scan, until_a_separator_or_the_end) {
  std::string_view text = "a,,b";
  EXPECT_EQ(take_until(text, ','), "a");
  EXPECT_EQ(take_until(text, ','), "");
  EXPECT_EQ(take_until(text, ','), "b");
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(take_until(text, ','), "");
}

TEST(Scan, names_are_compared_without_case) {
  EXPECT_TRUE(same_name("KiB", "kib"));
  EXPECT_FALSE(same_name("KiB", "ki"));
  EXPECT_FALSE(same_name("[", "{")) << "letters only";
}

}  // namespace
}  // namespace hak
