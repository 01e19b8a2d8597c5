// The opposite of format.h: numbers from text. Called by conf, os/limits and os/fault.
#pragma once

#include <cstdint>
#include <string_view>

namespace hak {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Takes decimal digits off the front of `text` into `value`. False, and nothing taken, where there is none or the
/// number is above 2^64 - 1.
constexpr bool take_decimal(std::string_view& text, uint64_t& value) {
  uint64_t n = 0;
  size_t digits = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    const uint64_t digit = static_cast<uint64_t>(text[digits] - '0');
    if (n > (~uint64_t{0} - digit) / 10) return false;
    n = n * 10 + digit;
  }
  if (digits == 0) return false;
  text.remove_prefix(digits);
  value = n;
  return true;
}

/// Takes `prefix` off the front of `text` if it is there.
constexpr bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes everything before the first `separator` off `text`, and the separator; all of it where there is none.
constexpr std::string_view take_until(std::string_view& text, char separator) {
  const size_t at = text.find(separator);
  std::string_view head = text;
  if (at == std::string_view::npos) {
    text.remove_prefix(text.size());
    return head;
  }
  head.remove_suffix(head.size() - at);
  text.remove_prefix(at + 1);
  return head;
}

/// Whether two names are the same, upper and lower case aside.
constexpr bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

}  // namespace hak
