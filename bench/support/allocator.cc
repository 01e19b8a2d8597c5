#include "support/allocator.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace hak::bench {

namespace {

std::string real_path(const char* path) {
  char buffer[PATH_MAX];
  return realpath(path, buffer) != nullptr ? buffer : path;
}

std::string file_of(void* code) {
  Dl_info info;
  if (code == nullptr || dladdr(code, &info) == 0 || info.dli_fname == nullptr) return "";
  return real_path(info.dli_fname);
}

void* symbol(const char* name) { return dlsym(RTLD_DEFAULT, name); }

std::string text(const char* string) { return string != nullptr ? string : ""; }

std::string hakmem_says(void* f) { return text(reinterpret_cast<const char* (*)()>(f)()); }
std::string glibc_says(void*) { return text(gnu_get_libc_version()); }
std::string nothing_says(void*) { return ""; }

std::string mimalloc_says(void* f) {
  const int number = reinterpret_cast<int (*)()>(f)();
  const int ten = number < 10'000 ? 10 : 100;  // 209 is 2.0.9, 20401 is 2.4.1
  return std::to_string(number / ten / ten) + "." + std::to_string(number / ten % ten) + "." +
         std::to_string(number % ten);
}

std::string jemalloc_says(void* f) {
  const char* version = nullptr;
  size_t bytes = sizeof version;
  const auto mallctl = reinterpret_cast<int (*)(const char*, void*, size_t*, void*, size_t)>(f);
  if (mallctl("version", &version, &bytes, nullptr, 0) != 0) return "";
  const std::string whole = text(version);  // 5.3.0-0-g54eaed1d...: the commit says nothing more
  return whole.substr(0, whole.find("-g"));
}

std::string tcmalloc_says(void* f) {
  return text(reinterpret_cast<const char* (*)(int*, int*, const char**)>(f)(nullptr, nullptr, nullptr));
}

// A function that only this allocator has. It counts when it lies in the library that malloc lies in: a program may
// bring another allocator along without using it.
struct Known {
  const char* name;
  const char* symbol;
  std::string (*version)(void*);
};

constexpr Known kKnown[] = {
    {"hakmem", "hakmem_version", hakmem_says},
    {"mimalloc", "mi_version", mimalloc_says},
    {"jemalloc", "mallctl", jemalloc_says},
    {"tcmalloc", "tc_version", tcmalloc_says},
    {"tbbmalloc", "__TBB_malloc_proxy", nothing_says},
    {"scudo", "__scudo_print_stats", nothing_says},
    {"rpmalloc", "rpmalloc", nothing_says},
    {"glibc", "gnu_get_libc_version", glibc_says},
};

// "/a/liblimit.so.1" is limit.
std::string name_of(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.find(".so"));
  return name.starts_with("lib") ? name.substr(3) : name;
}

}  // namespace

Allocator allocator_in_use(std::string& mixed) {
  Allocator found;
  found.path = file_of(symbol("malloc"));
  for (const char* name : {"calloc", "realloc", "free"}) {
    const std::string other = file_of(symbol(name));
    if (other != found.path) mixed = "malloc is " + found.path + "'s, but " + name + " is " + other + "'s";
  }
  for (const Known& known : kKnown) {
    void* const own = symbol(known.symbol);
    if (own == nullptr || file_of(own) != found.path) continue;
    found.name = known.name;
    found.version = known.version(own);
    return found;
  }
  found.name = name_of(found.path);
  return found;
}

bool is_expected(const Allocator& allocator, const std::string& expected) {
  if (expected.find('/') != std::string::npos) return allocator.path == real_path(expected.c_str());
  return allocator.name == expected;
}

}  // namespace hak::bench
