#include "read/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <string_view>

namespace tool {
namespace {

constexpr size_t kScriptLineMost = 256;  // BINPRM_BUF_SIZE: the kernel looks no further
constexpr size_t kLoaderMost = 4096;     // PATH_MAX

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }

  /// Bytes read at `offset`, fewer than asked for at the end of the file; -1 on an error.
  ssize_t read_at(uint64_t offset, void* buffer, size_t bytes) const {
    if (offset > INT64_MAX) return 0;
    size_t done = 0;
    while (done < bytes) {
      const ssize_t n = pread(fd_, static_cast<char*>(buffer) + done, bytes - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return -1;
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return static_cast<ssize_t>(done);
  }

  template <class T>
  bool read_object(uint64_t offset, T& out) const {
    return read_at(offset, &out, sizeof out) == static_cast<ssize_t>(sizeof out);
  }

 private:
  int fd_;
};

void parse_script(std::string_view line, Executable& out) {
  constexpr std::string_view kBlank = " \t";
  line = line.substr(2, line.find('\n') == std::string_view::npos ? line.npos : line.find('\n') - 2);
  const size_t first = line.find_first_not_of(kBlank);
  if (first == line.npos) return;  // "#!" alone: no interpreter; the kernel refuses it
  line.remove_prefix(first);
  line = line.substr(0, line.find_last_not_of(kBlank) + 1);
  const size_t end = line.find_first_of(kBlank);
  out.kind = FileKind::script;
  out.interpreter = line.substr(0, end);
  if (end == line.npos) return;
  out.interpreter_argument = line.substr(line.find_first_not_of(kBlank, end));
}

template <class Header, class Segment>
void parse_elf(const File& file, Executable& out) {
  Header header;
  if (!file.read_object(0, header)) return;
  out.kind = FileKind::elf;
  out.machine = header.e_machine;
  out.is_shared = header.e_type == ET_DYN;
  out.is_program = header.e_type == ET_DYN || header.e_type == ET_EXEC;
  if (header.e_phentsize != sizeof(Segment)) return;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Segment segment;
    if (header.e_phoff > INT64_MAX || !file.read_object(header.e_phoff + i * sizeof segment, segment)) return;
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_filesz == 0 || segment.p_filesz > kLoaderMost) return;
    std::string loader(segment.p_filesz, '\0');
    if (file.read_at(segment.p_offset, loader.data(), loader.size()) != static_cast<ssize_t>(loader.size())) return;
    out.loader = loader.c_str();  // up to the first null
    return;
  }
}

constexpr bool kHostIsLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

struct Machine {
  uint16_t number;
  const char* name;
};

constexpr Machine kMachines[] = {
    {EM_386, "i386"},    {EM_X86_64, "x86-64"}, {EM_ARM, "arm"},     {EM_AARCH64, "aarch64"},
    {EM_PPC64, "ppc64"}, {EM_S390, "s390x"},    {EM_RISCV, "riscv"}, {EM_MIPS, "mips"},
};

}  // namespace

int read_executable(const std::string& path, Executable& out) {
  out = {};
  const File file(path);
  if (!file.is_open()) return errno;
  char head[kScriptLineMost] = {};
  const ssize_t bytes = file.read_at(0, head, sizeof head);
  if (bytes < 0) return errno;
  const std::string_view text(head, static_cast<size_t>(bytes));
  if (text.starts_with("#!")) {
    parse_script(text, out);
  } else if (text.starts_with(ELFMAG) && text.size() > EI_DATA) {
    out.is_64_bit = head[EI_CLASS] == ELFCLASS64;
    out.is_little_endian = head[EI_DATA] == ELFDATA2LSB;
    if (out.is_little_endian != kHostIsLittleEndian) {
      out.kind = FileKind::elf;  // another machine's, whichever it is
    } else if (out.is_64_bit) {
      parse_elf<Elf64_Ehdr, Elf64_Phdr>(file, out);
    } else {
      parse_elf<Elf32_Ehdr, Elf32_Phdr>(file, out);
    }
  }
  return 0;
}

std::string machine_name(uint16_t machine) {
  for (const Machine& m : kMachines)
    if (m.number == machine) return m.name;
  return fmt::format("ELF machine {}", machine);
}

uint16_t own_machine() {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#elif defined(__riscv)
  return EM_RISCV;
#else
#error "name this machine here, and in kMachines"
#endif
}

}  // namespace tool
