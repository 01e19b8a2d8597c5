#include "heap/verbose.h"

#include "base/format.h"
#include "conf/load.h"
#include "hakmem/hakmem.h"
#include "heap/limit.h"
#include "heap/section.h"
#include "map/window.h"
#include "os/limits.h"
#include "os/memory.h"
#include "os/output.h"

namespace hak {
namespace {

using Line = FixedText<256>;

void say(const Line& line) { os::message(line.view()); }

std::string_view words(os::HugePages huge) {
  switch (huge) {
    case os::HugePages::never:
      return "off";
    case os::HugePages::on_request:
      return "on request";
    case os::HugePages::always:
      break;
  }
  return "always on";
}

void say_machine() {
  Line line;
  line.add("found: ").add(uint64_t{os::cpu_count()}).add(" processors, pages of ").add(human_bytes(os::page_size()));
  line.add(", huge pages ").add(words(os::huge_pages())).add(", membarrier ");
  line.add(owners_fence() ? "refused: threads make fences themselves" : "granted");
  say(line);
}

void add_limit(Line& line, std::string_view name, uint64_t bytes) {
  line.add(name).add(' ');
  if (bytes == os::kUnlimited) line.add("none");
  else line.add(human_bytes(bytes));
}

void say_limits() {
  Line line;
  add_limit(line, "limits: address space", os::address_space_limit());
  add_limit(line, ", data", os::data_limit());
  add_limit(line, ", cgroup", cgroup_limit());
  add_limit(line, "; memory stays under", g_limit_units == 0 ? os::kUnlimited : bytes(Units{g_limit_units}).n);
  say(line);
}

void say_window() {
  Line line;
  line.add("window: ").add(human_bytes(map::window_bytes().n)).add(" from ").add(address(map::address_of(0)));
  line.add(map::window_is_reserved() ? ", reserved at once" : ", mapped as it is used");
  say(line);
}

void say_options() {
  Line line;
  line.add("options:");
  conf::add_changed(line);
  say(line);
}

}  // namespace

void say_what_was_found() {
  Line line;
  line.add("version ").add(uint64_t{HAKMEM_VERSION_MAJOR}).add('.').add(uint64_t{HAKMEM_VERSION_MINOR});
  line.add('.').add(uint64_t{HAKMEM_VERSION_PATCH});
  say(line);
  say_machine();
  say_limits();
  say_window();
  say_options();
}

}  // namespace hak
