#include "guard/report.h"

#include <cstdlib>

#include "base/format.h"
#include "conf/config.h"
#include "hakmem/hakmem.h"
#include "os/modules.h"
#include "os/output.h"

namespace hak::guard {

namespace {

void add_what(Text& out, std::string_view what, std::string_view function) {
  if (what.starts_with("%f")) {
    out.add(function);
    what.remove_prefix(2);
  }
  out.add(what);
}

std::string_view article_and_tier(uint32_t tier) {
  switch (tier) {
    case HAKMEM_TIER_TINY:
      return "a tiny block";
    case HAKMEM_TIER_MID:
      return "a mid block";
    case HAKMEM_TIER_LARGE:
      return "a large block";
    case HAKMEM_TIER_BIG:
      return "a big block";
    default:
      return "a block";
  }
}

void add_block(Text& out, const Misuse& m) {
  out.add(article_and_tier(m.tier));
  if (m.block_bytes != 0) out.add(" of ").add(uint64_t{m.block_bytes}).add(" bytes");
}

void add_subject(Text& out, Subject subject, const Misuse& m) {
  if (subject == Subject::none) return;
  out.add(", ");
  if (subject == Subject::interior) {
    const uint64_t inside = reinterpret_cast<uint64_t>(m.pointer) - reinterpret_cast<uint64_t>(m.start);
    out.add(inside).add(" bytes into ");
  }
  add_block(out, m);
  if (subject == Subject::interior) out.add(" at ").add(address(m.start));
  if (subject == Subject::size) out.add(", but the caller says ").add(uint64_t{m.said}).add(" bytes");
  if (subject == Subject::alignment) out.add(", but the caller says alignment ").add(uint64_t{m.said});
}

void add_site(Text& out, std::string_view verb, const void* site) {
  if (site == nullptr) return;
  out.add("; ").add(verb).add(" at ");
  os::add_location(out, site);
}

void add_section(Text& out, std::string_view slug) { out.add("; see docs/errors.md, ").add(slug); }

}  // namespace

void add_misuse(Text& out, const Misuse& m) {
  const ErrorText& error = kErrors[static_cast<size_t>(m.error)];
  add_what(out, error.what, m.function);
  out.add(address(m.pointer)).add(error.why);
  add_subject(out, error.subject, m);
  add_site(out, error.at, m.site);
  add_section(out, error.slug);
}

void report_misuse(const Misuse& misuse) {
  FixedText<kLineMost> line;
  add_misuse(line, misuse);
  os::message(line.view());
  if (conf::config().misuse == conf::OnMisuse::abort) abort();
}

void die_out_of_memory(std::string_view function, size_t bytes, const void* site) {
  FixedText<kLineMost> line;
  line.add(function).add(" of ").add(uint64_t{bytes});
  line.add(" bytes failed, and the program has no C++ runtime to throw std::bad_alloc");
  add_site(line, "called", site);
  add_section(line, kOutOfMemorySlug);
  os::message(line.view());
  abort();
}

}  // namespace hak::guard
