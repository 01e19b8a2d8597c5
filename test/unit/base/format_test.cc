// base/format: numbers as text, and the sink.
#include "base/format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace hak {
namespace {

std::string str(const Short& s) { return std::string(std::string_view(s)); }

TEST(Format, decimal_and_hex_reach_from_zero_to_the_largest_number) {
  EXPECT_EQ(str(decimal(0)), "0");
  EXPECT_EQ(str(decimal(~uint64_t{0})), "18446744073709551615");
  EXPECT_EQ(str(hex(0)), "0");
  EXPECT_EQ(str(hex(~uint64_t{0})), "ffffffffffffffff");
  EXPECT_EQ(str(address(nullptr)), "0x0");
  EXPECT_EQ(str(address(reinterpret_cast<void*>(0x7f12a4c01040))), "0x7f12a4c01040");
}

TEST(Format, bytes_take_the_largest_unit_and_are_rounded_down) {
  EXPECT_EQ(str(human_bytes(0)), "0 B");
  EXPECT_EQ(str(human_bytes(1023)), "1023 B");
  EXPECT_EQ(str(human_bytes(1024)), "1 KiB");
  EXPECT_EQ(str(human_bytes(1536)), "1.5 KiB");
  EXPECT_EQ(str(human_bytes((1 << 20) - 1)), "1023.9 KiB");
  EXPECT_EQ(str(human_bytes(1 << 20)), "1 MiB");
  EXPECT_EQ(str(human_bytes((1 << 20) + 1)), "1.0 MiB") << "not whole, and says so";
  EXPECT_EQ(str(human_bytes(~uint64_t{0})), "15.9 EiB");
}

TEST(Format, a_count_is_exact_while_it_fits_and_short_then) {
  EXPECT_EQ(str(count_within(123456, 6)), "123456");
  EXPECT_EQ(str(count_within(1234567, 6)), "1234k");
  EXPECT_EQ(str(count_within(1234567, 7)), "1234567");
  EXPECT_EQ(str(count_within(12345678, 7)), "12345k");
  EXPECT_EQ(str(count_within(12345678, 6)), "12345k");
  EXPECT_EQ(str(count_within(123456789, 6)), "123.4M");
  for (uint64_t n = 1; n < ~uint64_t{0} / 7; n *= 7)
    for (size_t width = 6; width < 12; ++width) EXPECT_LE(count_within(n, width).size(), width) << n;
}

TEST(Format, percent_never_rounds_up_to_all_and_knows_no_whole) {
  EXPECT_EQ(str(percent(0, 0)), "-");
  EXPECT_EQ(str(percent(0, 7)), "0.0");
  EXPECT_EQ(str(percent(1, 3)), "33.3");
  EXPECT_EQ(str(percent(9999, 10000)), "99.9");
  EXPECT_EQ(str(percent(7, 7)), "100.0");
  EXPECT_EQ(str(percent(~uint64_t{0}, ~uint64_t{0})), "100.0") << "no overflow";
}

TEST(Text, keeps_what_fits_and_counts_the_rest) {
  char buffer[5] = {'#', '#', '#', '#', '#'};
  Text out(buffer, 4);
  out.add("ab").add("cdef").add(uint64_t{12});
  EXPECT_EQ(out.view(), "abcd");
  EXPECT_EQ(out.length(), 8u);
  EXPECT_TRUE(out.truncated());
  EXPECT_EQ(buffer[4], '#') << "nothing beyond the buffer is written";
}

TEST(Text, without_room_only_counts) {
  Text out(nullptr, 0);
  out.add("abc");
  EXPECT_EQ(out.length(), 3u);
  EXPECT_EQ(out.view(), "");
}

TEST(Text, with_a_flush_function_loses_nothing_however_small_the_buffer_is) {
  std::string all(300, 'x');
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>('a' + i % 26);
  for (size_t capacity = 1; capacity < 9; ++capacity) {
    std::string written;
    char buffer[8];
    Text out(
        buffer, capacity, [](void* to, std::string_view bytes) { static_cast<std::string*>(to)->append(bytes); },
        &written);
    for (size_t at = 0, n = 0; at < all.size(); at += n) out.add(std::string_view(all).substr(at, n = 1 + at % 13));
    out.flush();
    EXPECT_EQ(written, all);
    EXPECT_EQ(out.length(), all.size());
    EXPECT_FALSE(out.truncated());
  }
}

TEST(Text, pads_on_either_side_and_never_cuts) {
  FixedText<64> out;
  out.left(4, "ab").add('|').right(4, "cd").add('|').left(1, "ef").right(1, "gh").fill('-', 3);
  EXPECT_EQ(out.view(), "ab  |  cd|efgh---");
}

}  // namespace
}  // namespace hak
