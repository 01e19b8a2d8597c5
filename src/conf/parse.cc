#include "conf/parse.h"

#include "base/scan.h"

namespace hak::conf {

namespace {

struct UnitName {
  std::string_view name;
  uint64_t factor;
};

constexpr UnitName kBytesUnits[] = {
    {"", 1},       {"b", 1},    {"k", kKiB},  {"kb", kKiB},  {"kib", kKiB}, {"m", kMiB},  {"mb", kMiB},
    {"mib", kMiB}, {"g", kGiB}, {"gb", kGiB}, {"gib", kGiB}, {"t", kTiB},   {"tb", kTiB}, {"tib", kTiB},
};

constexpr UnitName kTimeUnits[] = {
    {"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", kHour},
};

template <size_t kCount>
Parsed parse_with_unit(std::string_view text, const UnitName (&units)[kCount]) {
  uint64_t n = 0;
  if (!take_decimal(text, n)) return {};
  take(text, " ");
  for (const UnitName& unit : units) {
    if (!same_name(text, unit.name)) continue;
    if (n > kOff / unit.factor) return {};
    return {true, n * unit.factor};
  }
  return {};
}

Parsed parse_word(std::string_view text) {
  for (uint64_t i = 0; i < sizeof kMisuseWords / sizeof kMisuseWords[0]; ++i)
    if (same_name(text, kMisuseWords[i])) return {true, i};
  return {};
}

Parsed parse_number(Type type, std::string_view text) {
  switch (type) {
    case Type::flag:
      return parse_flag(text);
    case Type::count:
      return parse_count(text);
    case Type::bytes:
      return parse_bytes(text);
    case Type::ms:
      return parse_ms(text);
    case Type::misuse:
      return parse_word(text);
    case Type::text:
      break;
  }
  return {};
}

void add_ms(Text& out, uint64_t value) {
  if (value != 0 && value % kHour == 0) out.add(value / kHour).add(" h");
  else if (value != 0 && value % 1000 == 0) out.add(value / 1000).add(" s");
  else out.add(value).add(" ms");
}

}  // namespace

Parsed parse_bytes(std::string_view text) { return parse_with_unit(text, kBytesUnits); }

Parsed parse_ms(std::string_view text) { return parse_with_unit(text, kTimeUnits); }

Parsed parse_count(std::string_view text) {
  uint64_t n = 0;
  const bool ok = take_decimal(text, n) && text.empty();
  return {ok, ok ? n : 0};
}

Parsed parse_flag(std::string_view text) {
  for (const std::string_view yes : {"1", "true", "on", "yes"})
    if (same_name(text, yes)) return {true, 1};
  for (const std::string_view no : {"0", "false", "off", "no"})
    if (same_name(text, no)) return {true, 0};
  return {};
}

Parsed parse_value(const Option& option, std::string_view text) {
  if (option.off != kNoOff && same_name(text, "off")) return {true, option.off};
  const Parsed parsed = parse_number(option.type, text);
  if (!parsed.ok || parsed.value < option.least || parsed.value > option.most) return {};
  return parsed;
}

void add_value(Text& out, const Option& option, uint64_t value) {
  if (value == kOff) {
    out.add("off");
    return;
  }
  switch (option.type) {
    case Type::flag:
    case Type::count:
      out.add(value);
      break;
    case Type::bytes:
      out.add(value == 0 ? std::string_view("0") : human_bytes(value));
      break;
    case Type::ms:
      add_ms(out, value);
      break;
    case Type::misuse:
      out.add(kMisuseWords[value]);
      break;
    case Type::text:
      break;
  }
}

void add_range(Text& out, const Option& option) {
  switch (option.type) {
    case Type::flag:
      out.add("0 or 1");
      return;
    case Type::misuse:
      out.add("abort or report");
      return;
    case Type::text:
      out.add("at most ").add(uint64_t{ShortText::kMost}).add(" bytes");
      return;
    case Type::count:
    case Type::bytes:
    case Type::ms:
      break;
  }
  add_value(out, option, option.least);
  out.add(" to ");
  add_value(out, option, option.most);
  if (option.off != kNoOff) out.add(", or off");
}

}  // namespace hak::conf
