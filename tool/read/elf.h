// What kind of executable a file is, as far as preloading needs to know. Trusts nothing in the file.
#pragma once

#include <cstdint>
#include <string>

namespace tool {

enum class FileKind {
  elf,     // a complete ELF header was read
  script,  // begins with #!
  other,   // anything else, an empty file and a damaged ELF header among it
};

struct Executable {
  FileKind kind = FileKind::other;

  // elf
  bool is_64_bit = false;
  bool is_little_endian = false;
  bool is_shared = false;   // ET_DYN: a library, or a position-independent program
  bool is_program = false;  // ET_EXEC or ET_DYN
  uint16_t machine = 0;     // EM_*
  std::string loader;       // PT_INTERP; empty: none, or not readable

  // script
  std::string interpreter;           // the word after #!
  std::string interpreter_argument;  // the rest of the line, as one argument; may be empty
};

/// Reads the head of `path`. Returns 0, or the errno that kept it from being read.
int read_executable(const std::string& path, Executable& out);

/// "x86-64", "aarch64", or "ELF machine 999".
std::string machine_name(uint16_t machine);

/// The machine that this command was compiled for.
uint16_t own_machine();

}  // namespace tool
