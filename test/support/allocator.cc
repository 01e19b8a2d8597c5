#include "support/allocator.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifndef HAK_TEST_LINKED
#define HAK_TEST_LINKED 0  // 1: libhakmem.a is in this program, so its functions are named, not looked up
#endif

extern "C" {
#if HAK_TEST_LINKED
void cfree(void*);
void free_sized(void*, size_t);
void free_aligned_sized(void*, size_t, size_t);
#endif
}

namespace hak::test {

namespace {

#if HAK_TEST_LINKED

const HakmemApi kApi = {hakmem_version,   hakmem_block_info, hakmem_purge,
                        hakmem_good_size, hakmem_stats,      hakmem_stats_json};

#else

HakmemApi g_found;

template <class Function>
bool find(Function& out, const char* name) {
  out = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  return out != nullptr;
}

const HakmemApi* look_up() {
  HakmemApi& a = g_found;
  const bool all = find(a.version, "hakmem_version") && find(a.block_info, "hakmem_block_info") &&
                   find(a.purge, "hakmem_purge") && find(a.good_size, "hakmem_good_size") &&
                   find(a.stats, "hakmem_stats") && find(a.stats_json, "hakmem_stats_json");
  return all ? &a : nullptr;
}

#endif

}  // namespace

#if HAK_TEST_LINKED

const HakmemApi* hakmem() { return &kApi; }

const char* malloc_origin() { return "linked statically"; }

void* find_function(const char* name) {
  if (strcmp(name, "cfree") == 0) return reinterpret_cast<void*>(&cfree);
  if (strcmp(name, "free_sized") == 0) return reinterpret_cast<void*>(&free_sized);
  if (strcmp(name, "free_aligned_sized") == 0) return reinterpret_cast<void*>(&free_aligned_sized);
  return nullptr;
}

#else

const HakmemApi* hakmem() {
  static const HakmemApi* const api = look_up();
  return api;
}

const char* malloc_origin() {
  static char name[512];
  Dl_info info;
  void* const function = dlsym(RTLD_DEFAULT, "malloc");
  if (function == nullptr || dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "unknown";
  snprintf(name, sizeof name, "%s", info.dli_fname);
  return name;
}

void* find_function(const char* name) { return dlsym(RTLD_DEFAULT, name); }

#endif

bool is_glibc() { return strstr(malloc_origin(), "libc.so") != nullptr; }

const char* wrong_allocator() {
  static char what[640];
  const char* const asked = getenv("HAK_TEST_ALLOCATOR");
  if (asked == nullptr || strcmp(asked, "any") == 0) return nullptr;
  const bool fits = strcmp(asked, "hakmem") == 0 ? is_hakmem() : strcmp(asked, "glibc") == 0 && is_glibc();
  if (fits) return nullptr;
  snprintf(what, sizeof what, "HAK_TEST_ALLOCATOR asks for %s, but malloc is from %s", asked, malloc_origin());
  return what;
}

}  // namespace hak::test
