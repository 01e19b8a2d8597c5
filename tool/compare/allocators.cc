#include "compare/allocators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "failure.h"
#include "launch/library.h"

namespace tool {
namespace {

namespace fs = std::filesystem;

// What an allocator's library is called: the file name, or the file name with a version after it. Of several rows with
// one name the first that is found counts. Debug and secure builds have other names and are left to --with.
struct Known {
  const char* name;
  const char* file;
};
constexpr Known kKnown[] = {
    {"mimalloc", "libmimalloc.so"},          {"jemalloc", "libjemalloc.so"},
    {"tcmalloc", "libtcmalloc_minimal.so"},  {"tcmalloc", "libtcmalloc.so"},
    {"tbbmalloc", "libtbbmalloc_proxy.so"},  {"snmalloc", "libsnmallocshim.so"},
    {"snmalloc", "libsnmallocshim-1mib.so"}, {"rpmalloc", "librpmallocwrap.so"},
};

constexpr const char* kUsualFolders[] = {
    "/usr/local/lib",
#if defined(__x86_64__)
    "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
    "/usr/lib/aarch64-linux-gnu",
#endif
    "/usr/lib64",
    "/usr/lib",
};

void add_once(std::vector<fs::path>& folders, const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (!error && std::find(folders.begin(), folders.end(), real) == folders.end()) folders.push_back(real);
}

// Folders of the loader's cache. Lines of ldconfig -p: "\tlibfoo.so.1 (libc6,x86-64) => /lib/libfoo.so.1".
void add_cached_folders(std::vector<fs::path>& folders) {
  FILE* const output = popen("PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null", "r");
  if (output == nullptr) return;
  char line[4096];
  while (std::fgets(line, sizeof line, output) != nullptr) {
    const std::string_view text = line;
    const size_t arrow = text.find("=> /");
    if (arrow == text.npos) continue;
    add_once(folders, fs::path(text.substr(arrow + 3, text.find_last_not_of('\n') - arrow - 2)).parent_path());
  }
  pclose(output);
}

std::vector<fs::path> library_folders() {
  std::vector<fs::path> folders;
  const char* const variable = std::getenv("LD_LIBRARY_PATH");
  std::string_view own = variable == nullptr ? "" : variable;
  while (!own.empty()) {
    const size_t end = std::min(own.find(':'), own.size());
    if (end > 0) add_once(folders, own.substr(0, end));
    own.remove_prefix(std::min(end + 1, own.size()));
  }
  for (const char* folder : kUsualFolders) add_once(folders, folder);
  add_cached_folders(folders);
  std::error_code error;
  for (const char* folder : kUsualFolders)  // mimalloc installs into a folder of its own: lib/mimalloc-2.1
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
      if (entry.path().filename().string().starts_with("mimalloc") && entry.is_directory(error))
        add_once(folders, entry.path());
  return folders;
}

// The library of that file name in `folder`; of several versions the one that sorts last; empty where there is none.
std::string newest(const fs::path& folder, const std::string& file) {
  std::error_code error;
  std::string best;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name != file && !name.starts_with(file + ".")) continue;
    const std::string path = entry.path();
    if (path > best && why_not_preloadable(path).empty()) best = path;
  }
  return best;
}

bool has(const std::vector<Allocator>& allocators, std::string_view name) {
  return std::any_of(allocators.begin(), allocators.end(), [&](const Allocator& a) { return a.name == name; });
}

void add_installed(std::vector<Allocator>& allocators) {
  const std::vector<fs::path> folders = library_folders();
  for (const Known& known : kKnown)
    for (const fs::path& folder : folders) {
      if (has(allocators, known.name)) break;
      if (const std::string path = newest(folder, known.file); !path.empty())
        allocators.push_back({.name = known.name, .library = path});
    }
}

[[noreturn]] void refuse_named(const std::string& word) {
  throw Failure(kUsage, fmt::format("compare: --with takes NAME=PATH or NAME=VARIABLE=VALUE;PATH, not '{}'", word),
                "see: hakmem help compare");
}

// Cuts VARIABLE=VALUE; off the front of `rest` as often as it stands there.
std::vector<std::string> take_variables(const std::string& word, std::string& rest) {
  std::vector<std::string> variables;
  for (size_t end; (end = rest.find(';')) != rest.npos; rest.erase(0, end + 1)) {
    variables.push_back(rest.substr(0, end));
    const size_t equals = variables.back().find('=');
    if (equals == rest.npos || equals == 0) refuse_named(word);
  }
  return variables;
}

void add_named(std::vector<Allocator>& allocators, const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == word.npos || equals == 0 || word.find(',') < equals) refuse_named(word);
  const std::string name = word.substr(0, equals);
  std::string file = word.substr(equals + 1);
  std::vector<std::string> variables = take_variables(word, file);
  if (file.empty()) refuse_named(word);
  if (name == kGlibc || name == kHakmem)
    throw Failure(kUsage, fmt::format("compare: --with can't redefine {}", name),
                  name == kHakmem ? "--lib PATH names another libhakmem.so" : "");
  std::error_code error;
  const std::string path = fs::absolute(file, error).lexically_normal();
  if (const std::string reason = why_not_preloadable(path); !reason.empty())
    throw Failure(kOwnFailure, fmt::format("can't preload {} (from --with {}): {}", path, name, reason));
  std::erase_if(allocators, [&](const Allocator& a) { return a.name == name; });
  allocators.push_back({name, path, std::move(variables)});
}

void require_known(const std::vector<Allocator>& allocators, const std::string& name, const char* option) {
  if (has(allocators, name)) return;
  std::string names;
  for (const Allocator& allocator : allocators) names += (names.empty() ? "" : ", ") + allocator.name;
  throw Failure(kUsage, fmt::format("compare: there is no allocator '{}' (from {})", name, option),
                fmt::format("here are: {}\nname others with --with NAME=PATH", names));
}

void keep_only(std::vector<Allocator>& allocators, std::string_view list, const std::string& baseline) {
  std::vector<std::string> wanted = {baseline};
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    if (end > 0) wanted.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  for (const std::string& name : wanted) require_known(allocators, name, "--only");
  std::erase_if(allocators,
                [&](const Allocator& a) { return std::find(wanted.begin(), wanted.end(), a.name) == wanted.end(); });
}

}  // namespace

std::vector<Allocator> choose_allocators(const AllocatorChoice& choice) {
  std::vector<Allocator> allocators = {{.name = kGlibc, .library = ""}, {.name = kHakmem, .library = choice.hakmem}};
  add_installed(allocators);
  for (const std::string& word : choice.with) add_named(allocators, word);
  require_known(allocators, choice.baseline, "--baseline");
  if (!choice.only.empty()) keep_only(allocators, choice.only, choice.baseline);
  std::stable_partition(allocators.begin(), allocators.end(),
                        [&](const Allocator& a) { return a.name == choice.baseline; });
  return allocators;
}

}  // namespace tool
