#include "launch/library.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "failure.h"
#include "read/elf.h"

namespace tool {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "libhakmem.so";

// Folders to look in, relative to the one that the command is in.
constexpr const char* kFolders[] = {
    ".",
    "../lib",
#if defined(__x86_64__)
    "../lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
    "../lib/aarch64-linux-gnu",
#endif
    "../lib64",
};

}  // namespace

std::string own_library(const std::string& name) {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::string places;
  for (const char* relative : kFolders) {
    const fs::path candidate = (folder / relative / name).lexically_normal();
    if (fs::exists(candidate, error)) return candidate;
    places += fmt::format("looked for {}\n", candidate.string());
  }
  throw Failure(kOwnFailure, fmt::format("can't find {}", name),
                places + (name == kName ? "name it with --lib PATH or HAKMEM_LIB=PATH, or build it: make build"
                                        : "build it: make build"));
}

std::string why_not_preloadable(const std::string& path) {
  Executable file;
  if (const int error = read_executable(path, file); error != 0) return std::strerror(error);
  if (file.kind != FileKind::elf || !file.is_shared) return "it is not a shared library";
  if (!file.is_64_bit || file.machine != own_machine())
    return fmt::format("it is a {}-bit library for {}, this is the hakmem command for {}", file.is_64_bit ? 64 : 32,
                       machine_name(file.machine), machine_name(own_machine()));
  struct statvfs mount;
  if (statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
    return "it lies on a file system that is mounted noexec";
  if (path.find_first_of(": \t\n") != std::string::npos)
    return "LD_PRELOAD can't express a path with a colon or a blank; make a symbolic link to it";
  return "";
}

std::string find_library(const std::string& wanted) {
  const char* from_environment = std::getenv("HAKMEM_LIB");
  std::string path, origin;
  if (!wanted.empty()) {
    path = wanted;
    origin = " (from --lib)";
  } else if (from_environment != nullptr && *from_environment != '\0') {
    path = from_environment;
    origin = " (from HAKMEM_LIB)";
  } else {
    path = own_library(kName);
  }
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);  // the program may change its folder before it starts others
  if (!error) path = absolute.lexically_normal();
  if (const std::string reason = why_not_preloadable(path); !reason.empty())
    throw Failure(kOwnFailure, fmt::format("can't preload {}{}: {}", path, origin, reason));
  return path;
}

std::string with_preload(const std::string& library, const char* before) {
  std::string list = library;
  const std::string_view rest = before == nullptr ? "" : before;
  for (size_t at = 0; at < rest.size();) {
    const size_t end = std::min(rest.find_first_of(": ", at), rest.size());
    const std::string_view entry = rest.substr(at, end - at);
    if (!entry.empty() && entry != library) list.append(":").append(entry);
    at = end + 1;
  }
  return list;
}

}  // namespace tool
