// Which program or library an address of code lies in: for error messages, and for the names of sites.
// Called by guard/. Must not allocate or lock: it runs when the heap may be broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hak {
class Text;
}

namespace hak::os {

/// Where code is: the file's base name, and the address as the file's own symbols have it (for addr2line).
struct Location {
  static constexpr size_t kMost = 63;
  char module_bytes[kMost] = {};  // clipped to its first 63 bytes
  uint8_t module_size = 0;
  bool known = false;  // false: no module has this address (generated code, a wild pointer)
  uint64_t offset = 0;

  std::string_view module() const { return {module_bytes, module_size}; }
};

/// Finds the module of `code`; any value may be asked. Keeps errno. Threads: any; async-signal-safe, no lock.
/// Source: _dl_find_object (glibc 2.35), readlink(2) of /proc/self/exe for the program's own name.
Location locate(const void* code);

/// Adds "server+0x1c40", or "0x7f12a4c01040" where the module isn't known.
void add_location(Text& out, const void* code);

}  // namespace hak::os
