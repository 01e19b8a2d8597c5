// conf/parse: what users write for sizes, times, counts and switches.
#include "conf/parse.h"

#include <gtest/gtest.h>

#include <string>

namespace hak::conf {
namespace {

constexpr uint64_t kFails = kOff - 7;  // no value of a test

uint64_t value(const Parsed& parsed) { return parsed.ok ? parsed.value : kFails; }

TEST(Parse, sizes_in_all_spellings_are_powers_of_1024) {
  for (const char* text : {"65536", "64k", "64K", "64kb", "64KB", "64KiB", "64 KiB", "65536B"})
    EXPECT_EQ(value(parse_bytes(text)), 65536u) << text;
  EXPECT_EQ(value(parse_bytes("0")), 0u);
  EXPECT_EQ(value(parse_bytes("2M")), 2 * kMiB);
  EXPECT_EQ(value(parse_bytes("1g")), kGiB);
  EXPECT_EQ(value(parse_bytes("16T")), 16 * kTiB);
  for (const char* text : {"", "K", "1.5G", "-1", "1KiBs", "1 K ", " 1K", "0x10", "20000000T", "18446744073709551616"})
    EXPECT_EQ(value(parse_bytes(text)), kFails) << text;
}

TEST(Parse, times_are_milliseconds_unless_they_say_otherwise) {
  EXPECT_EQ(value(parse_ms("500")), 500u);
  EXPECT_EQ(value(parse_ms("500ms")), 500u);
  EXPECT_EQ(value(parse_ms("2s")), 2000u);
  EXPECT_EQ(value(parse_ms("2m")), 120'000u);
  EXPECT_EQ(value(parse_ms("2min")), 120'000u);
  EXPECT_EQ(value(parse_ms("1h")), kHour);
  for (const char* text : {"", "s", "1d", "1us", "1 second"}) EXPECT_EQ(value(parse_ms(text)), kFails) << text;
}

TEST(Parse, switches_have_four_words_each_way) {
  for (const char* text : {"1", "true", "ON", "Yes"}) EXPECT_EQ(value(parse_flag(text)), 1u) << text;
  for (const char* text : {"0", "False", "off", "NO"}) EXPECT_EQ(value(parse_flag(text)), 0u) << text;
  for (const char* text : {"", "2", "y", "enable"}) EXPECT_EQ(value(parse_flag(text)), kFails) << text;
}

TEST(Parse, a_value_lies_in_its_options_range_or_is_off_where_that_is_known) {
  const Option& decay = *find_option("decay");
  EXPECT_EQ(value(parse_value(decay, "0")), 0u);
  EXPECT_EQ(value(parse_value(decay, "OFF")), kOff);
  EXPECT_EQ(value(parse_value(decay, "24h")), 24 * kHour);
  EXPECT_EQ(value(parse_value(decay, "25h")), kFails);
  const Option& window = *find_option("window");
  EXPECT_EQ(value(parse_value(window, "off")), kFails);
  EXPECT_EQ(value(parse_value(window, "64M")), 64 * kMiB);
  EXPECT_EQ(value(parse_value(window, "63M")), kFails);
  EXPECT_EQ(value(parse_value(*find_option("limit"), "off")), 0u) << "no limit";
  EXPECT_EQ(value(parse_value(*find_option("misuse"), "report")), uint64_t{1});
  EXPECT_EQ(value(parse_value(*find_option("misuse"), "ignore")), kFails);
}

std::string range(const char* name) {
  FixedText<128> out;
  add_range(out, *find_option(name));
  return std::string(out.view());
}

TEST(Parse, ranges_read_as_sentences) {
  EXPECT_EQ(range("decay"), "0 ms to 24 h, or off");
  EXPECT_EQ(range("window"), "64 MiB to 16 TiB");
  EXPECT_EQ(range("limit"), "0 to 16 TiB, or off");
  EXPECT_EQ(range("stats"), "0 or 1");
  EXPECT_EQ(range("misuse"), "abort or report");
  EXPECT_EQ(range("fault"), "at most 255 bytes");
}

TEST(Parse, what_a_value_prints_as_is_read_back_as_the_value) {
  for (const Option& option : kOptions) {
    if (option.type == Type::text) continue;
    for (const uint64_t v : {option.usual, option.least, option.most}) {
      FixedText<64> out;
      add_value(out, option, v);
      EXPECT_EQ(value(parse_value(option, out.view())), v) << option.name << " " << out.view();
    }
  }
}

}  // namespace
}  // namespace hak::conf
