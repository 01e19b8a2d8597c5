#include "print/json.h"

#include "base/check.h"

namespace hak::print {

void Json::object() {
  separate();
  open('{', '}');
}

void Json::object(std::string_view name) {
  key(name);
  open('{', '}');
}

void Json::array() {
  separate();
  open('[', ']');
}

void Json::array(std::string_view name) {
  key(name);
  open('[', ']');
}

void Json::end() {
  debug_check(depth_ > 0, "json: what is closed was opened");
  --depth_;
  out_.add(closing_[depth_]);
}

void Json::member(std::string_view name, uint64_t value) {
  key(name);
  out_.add(value);
}

void Json::member(std::string_view name, std::string_view value) {
  key(name);
  quoted(value);
}

void Json::element(uint64_t value) {
  separate();
  out_.add(value);
}

void Json::open(char opening, char closing) {
  debug_check(depth_ < kDeepest, "json: nested no deeper than planned");
  out_.add(opening);
  closing_[depth_] = closing;
  ++depth_;
  has_elements_[depth_] = false;
}

void Json::separate() {
  if (has_elements_[depth_]) out_.add(',');
  has_elements_[depth_] = true;
}

void Json::key(std::string_view name) {
  separate();
  quoted(name);
  out_.add(':');
}

void Json::quoted(std::string_view s) {
  out_.add('"');
  for (const char c : s) {
    const unsigned code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out_.add('\\').add(c);
    else if (code < 0x20) out_.add("\\u00").add(code < 0x10 ? "0" : "").add(hex(code));
    else out_.add(c);
  }
  out_.add('"');
}

}  // namespace hak::print
