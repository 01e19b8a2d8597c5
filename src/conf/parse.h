// Option values from text. Called by conf/load and by the tool's tests. No locale, no allocation, no message.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/format.h"
#include "conf/options.h"

namespace hak::conf {

struct Parsed {
  bool ok = false;
  uint64_t value = 0;
};

/// "4096", "64K", "64KB", "64KiB", "2M", "1G", "1T", any case, all in powers of 1024. Fails on overflow.
Parsed parse_bytes(std::string_view text);
/// "500", "500ms", "1s", "2m", "1h"; a bare number is milliseconds.
Parsed parse_ms(std::string_view text);
/// Decimal digits only.
Parsed parse_count(std::string_view text);
/// 1 true on yes / 0 false off no, any case.
Parsed parse_flag(std::string_view text);

/// The value of `text` for `option`, in its range, `off` where it knows it. Not for text options.
Parsed parse_value(const Option& option, std::string_view text);

/// Adds what parse_value accepts: "0 to 16 TiB, or off".
void add_range(Text& out, const Option& option);
/// Adds a value as the user would write it: "32 MiB", "1 s", "off", "abort".
void add_value(Text& out, const Option& option, uint64_t value);

}  // namespace hak::conf
