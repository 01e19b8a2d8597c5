// Writes JSON to a Text: commas, nesting and escaping right by construction. Integers and strings only.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/format.h"

namespace hak::print {

/// `Json j(out); j.object(); j.member("n", 1); j.array("list"); ... j.end(); j.end();`
/// Nesting up to 16 levels (checked in debug builds).
class Json {
 public:
  explicit Json(Text& out) : out_(out) {}

  /// Opens an object or array, as an element or, with a key, as a member.
  void object();
  void object(std::string_view key);
  void array();
  void array(std::string_view key);
  /// Closes what was opened last.
  void end();

  void member(std::string_view key, uint64_t value);
  void member(std::string_view key, std::string_view value);
  void element(uint64_t value);

 private:
  static constexpr unsigned kDeepest = 16;

  void open(char opening, char closing);
  void separate();
  void key(std::string_view name);
  void quoted(std::string_view s);

  Text& out_;
  char closing_[kDeepest] = {};
  bool has_elements_[kDeepest + 1] = {};
  unsigned depth_ = 0;
};

}  // namespace hak::print
