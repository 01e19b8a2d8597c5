#include "os/modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <unistd.h>

#include "base/format.h"
#include "os/keep_errno.h"

namespace hak::os {

namespace {

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path;
}

void set_module(Location& location, std::string_view name) {
  Text text(location.module_bytes, Location::kMost);
  text.add(name);
  location.module_size = static_cast<uint8_t>(text.view().size());
}

// The loader knows the program itself by an empty name.
void set_program(Location& location) {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n > 0) return set_module(location, base_name({path, static_cast<size_t>(n)}));
  set_module(location, program_invocation_short_name);  // no /proc: chroot
}

}  // namespace

Location locate(const void* code) {
  const KeepErrno keep;
  Location location;
  dl_find_object found;
  if (_dl_find_object(const_cast<void*>(code), &found) != 0) return location;
  location.known = true;
  location.offset = reinterpret_cast<uint64_t>(code) - found.dlfo_link_map->l_addr;
  const char* const path = found.dlfo_link_map->l_name;
  if (path == nullptr || *path == '\0') set_program(location);
  else set_module(location, base_name(path));
  return location;
}

void add_location(Text& out, const void* code) {
  const Location location = locate(code);
  if (!location.known) {
    out.add(address(code));
    return;
  }
  out.add(location.module()).add("+0x").add(hex(location.offset));
}

}  // namespace hak::os
