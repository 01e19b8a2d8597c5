#include "base/format.h"

#include <cstring>

#include "base/check.h"

namespace hak {

namespace {

Short in_base(uint64_t n, unsigned base) {
  char reversed[20];
  size_t digits = 0;
  do {
    reversed[digits++] = "0123456789abcdef"[n % base];
    n /= base;
  } while (n != 0);
  Short out;
  while (digits > 0) out.push(reversed[--digits]);
  return out;
}

// value/unit with one decimal, rounded down: "12.3".
Short with_tenth(uint64_t value, uint64_t unit) {
  Short out = decimal(value / unit);
  out.push('.');
  out.append(decimal(value % unit * 10 / unit));  // unit <= 2^60: no overflow
  return out;
}

}  // namespace

Short decimal(uint64_t n) { return in_base(n, 10); }

Short hex(uint64_t n) { return in_base(n, 16); }

Short address(const void* at) {
  Short out;
  out.append("0x");
  out.append(hex(reinterpret_cast<uint64_t>(at)));
  return out;
}

Short human_bytes(uint64_t bytes) {
  static constexpr std::string_view kNames[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  size_t power = 0;
  uint64_t unit = 1;
  while (bytes / unit >= 1024) {
    unit *= 1024;
    ++power;
  }
  Short out = bytes % unit == 0 ? decimal(bytes / unit) : with_tenth(bytes, unit);
  out.append(kNames[power]);
  return out;
}

Short count_within(uint64_t n, size_t width) {
  Short out = decimal(n);
  if (out.size() <= width) return out;
  uint64_t unit = 1;
  for (const char name : {'k', 'M', 'G', 'T', 'P', 'E'}) {
    unit *= 1000;
    out = with_tenth(n, unit);
    if (out.size() + 1 > width) out = decimal(n / unit);
    out.push(name);
    if (out.size() <= width) break;
  }
  return out;
}

Short percent(uint64_t part, uint64_t whole) {
  Short out;
  if (whole == 0) {
    out.push('-');
    return out;
  }
  while (whole > ~uint64_t{0} / 1000) {
    whole /= 2;
    part /= 2;
  }
  return with_tenth(part * 1000 / whole, 10);
}

Text& Text::add(std::string_view s) {
  length_ += s.size();
  for (;;) {
    const size_t room = capacity_ - used_;
    const size_t n = s.size() < room ? s.size() : room;
    if (n != 0) std::memcpy(buffer_ + used_, s.data(), n);
    used_ += n;
    s.remove_prefix(n);
    if (s.empty() || flush_ == nullptr) return *this;
    flush();
  }
}

Text& Text::fill(char c, size_t times) {
  for (; times > 0; --times) add(c);
  return *this;
}

Text& Text::left(size_t width, std::string_view s) {
  add(s);
  return fill(' ', width > s.size() ? width - s.size() : 0);
}

Text& Text::right(size_t width, std::string_view s) {
  fill(' ', width > s.size() ? width - s.size() : 0);
  return add(s);
}

void Text::flush() {
  if (flush_ == nullptr) return;
  debug_check(capacity_ > 0, "a text that flushes has room for a byte");
  if (used_ > 0) flush_(context_, {buffer_, used_});
  used_ = 0;
}

}  // namespace hak
