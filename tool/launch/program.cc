#include "launch/program.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "failure.h"
#include "read/elf.h"

namespace tool {
namespace {

constexpr int kScriptsMost = 5;  // the kernel follows #! that deep

constexpr const char* kLinkInstead =
    "hakmem can still be linked into it: put libhakmem.a, or hakmem.o, on its linker's command line";

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// 0, or the errno with which execve(2) would refuse the file for what the file system says of it.
int execute_error(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  if (!S_ISREG(info.st_mode)) return EACCES;
  if (access(path.c_str(), X_OK) != 0) return errno;
  return 0;
}

[[noreturn]] void refuse(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      throw Failure(kNotFound, fmt::format("there is no program {}", path));
    case EISDIR:
      throw Failure(kNotExecutable, fmt::format("{} is a directory, not a program", path));
    case EACCES:
      if (access(path.c_str(), F_OK) != 0) break;  // not the file, a folder on the way to it
      throw Failure(kNotExecutable, fmt::format("{} is not executable", path), "chmod +x it, or name its interpreter");
    default:
      break;
  }
  throw Failure(kNotExecutable, fmt::format("can't execute {}: {}", path, std::strerror(error)));
}

// First executable file of that name in PATH, or empty; `denied` gets a file that is there but not executable.
std::string search_path(const std::string& name, std::string& denied) {
  const char* variable = std::getenv("PATH");
  const std::string_view folders = variable != nullptr ? variable : "/bin:/usr/bin";
  for (size_t at = 0; at <= folders.size();) {
    const size_t end = std::min(folders.find(':', at), folders.size());
    std::string candidate(folders.substr(at, end - at));  // an empty one is the current folder
    candidate += candidate.empty() ? "./" : "/";
    candidate += name;
    const int error = execute_error(candidate);
    if (error == 0) return candidate;
    if (error == EACCES && denied.empty() && access(candidate.c_str(), F_OK) == 0) denied = candidate;
    at = end + 1;
  }
  return "";
}

// The loader drops LD_PRELOAD when a program gains rights by being started (AT_SECURE). That is the case with a
// set-id bit that changes an id, or with file capabilities unless root starts it; never where the kernel ignores both.
std::string gained_rights(const std::string& path) {
  struct stat info;
  struct statvfs mount;
  if (stat(path.c_str(), &info) != 0) return "";
  if (statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOSUID) != 0) return "";
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return "";
  if ((info.st_mode & S_ISUID) != 0 && info.st_uid != getuid())
    return fmt::format("is set-user-id (to user {})", info.st_uid);
  constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;
  if ((info.st_mode & kSetGroup) == kSetGroup && info.st_gid != getgid())
    return fmt::format("is set-group-id (to group {})", info.st_gid);
  if (getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0) return "has file capabilities";
  return "";
}

void require_no_gained_rights(const std::string& path) {
  if (const std::string rights = gained_rights(path); !rights.empty())
    throw Failure(kOwnFailure, fmt::format("{} {}, so the loader ignores LD_PRELOAD for it", path, rights),
                  fmt::format("run a copy without those rights, or as the user it changes to\n{}", kLinkInstead));
}

void require_preloadable_elf(const std::string& path, const Executable& file) {
  if (!file.is_64_bit || file.machine != own_machine())
    throw Failure(kOwnFailure,
                  fmt::format("{} is a {}-bit program for {}; hakmem runs 64-bit programs for {} only", path,
                              file.is_64_bit ? 64 : 32, machine_name(file.machine), machine_name(own_machine())));
  if (!file.is_program) throw Failure(kNotExecutable, fmt::format("{} is an object file, not a program", path));
  if (file.loader.empty()) {
    if (base_name(path).starts_with("ld-linux") || base_name(path) == "ld.so") return;  // is the loader itself
    throw Failure(kOwnFailure, fmt::format("{} is statically linked, so nothing can be preloaded into it", path),
                  kLinkInstead);
  }
  if (base_name(file.loader).starts_with("ld-musl"))
    throw Failure(kOwnFailure, fmt::format("{} is built for musl ({}); hakmem needs glibc", path, file.loader),
                  "build it for glibc, or run it on a glibc system such as Debian");
  if (access(file.loader.c_str(), F_OK) != 0)
    throw Failure(kNotExecutable, fmt::format("{} needs the loader {}, which is not here", path, file.loader));
  require_no_gained_rights(path);
}

// The program that `#!/usr/bin/env [-S] [NAME=VALUE...] PROGRAM` starts, or empty where it takes more than that to say.
std::string target_of_env(const Executable& script) {
  if (base_name(script.interpreter) != "env") return "";
  std::string_view words = script.interpreter_argument;
  if (words.starts_with("-S")) words.remove_prefix(2);
  while (!words.empty()) {
    const size_t start = words.find_first_not_of(" \t");
    if (start == words.npos) return "";
    words.remove_prefix(start);
    const std::string_view word = words.substr(0, words.find_first_of(" \t"));
    if (word.find_first_of("\\\"'$") != word.npos || word.starts_with("-")) return "";
    if (word.find('=') == word.npos) return std::string(word);
    words.remove_prefix(word.size());
  }
  return "";
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.empty()) throw Failure(kNotFound, "the name of the program is empty");
  if (name.find('/') != std::string::npos) {
    if (const int error = execute_error(name); error != 0) refuse(name, error);
    return name;
  }
  std::string denied;
  const std::string found = search_path(name, denied);
  if (!found.empty()) return found;
  if (!denied.empty()) refuse(denied, EACCES);
  const bool is_here = execute_error("./" + name) == 0;
  throw Failure(kNotFound, fmt::format("there is no program '{}' in PATH", name),
                is_here ? fmt::format("there is one in this folder: ./{}", name) : "");
}

void require_preloadable(const std::string& start) {
  std::string path = start;
  for (int depth = 0; depth <= kScriptsMost; ++depth) {
    Executable file;
    if (const int error = read_executable(path, file); error != 0) {
      if (error == EACCES) return require_no_gained_rights(path);  // may be executed, but not read: the kernel judges
      refuse(path, error);
    }
    if (file.kind == FileKind::elf) return require_preloadable_elf(path, file);
    if (file.kind == FileKind::other) {
      path = "/bin/sh";  // what execvp(3) does with a file that the kernel doesn't know
      continue;
    }
    if (const int error = execute_error(file.interpreter); error != 0)
      throw Failure(error == ENOENT || error == ENOTDIR ? kNotFound : kNotExecutable,
                    fmt::format("{} asks for the interpreter {}, which {}", path, file.interpreter,
                                error == ENOENT || error == ENOTDIR ? "is not here" : "can't be executed"));
    std::string target = target_of_env(file);
    if (target.empty()) {
      path = file.interpreter;
      continue;
    }
    require_preloadable(file.interpreter);  // env itself
    path = find_program(target);
  }
  throw Failure(kNotExecutable, fmt::format("{}: its #! lines lead through more than {} files", start, kScriptsMost));
}

}  // namespace tool
