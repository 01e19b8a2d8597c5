/* A C program, not linked with libstdc++, that loads a C++ plugin: dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL).
 * usage: c_host PLUGIN   Ends with 0, or says which of the plugin's functions found what wrong. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const char* (*check)(void);

static const char* const kChecks[] = {
    "plugin_ordinary_work",     "plugin_new_throws",           "plugin_nothrow_gives_null",
    "plugin_handler_is_called", "plugin_bad_array_new_length", "plugin_new_throws",
};

static int run_checks(const char* file, int flags) {
  void* const plugin = dlopen(file, flags);
  if (plugin == NULL) {
    fprintf(stderr, "dlopen: %s\n", dlerror());
    return 1;
  }
  int failed = 0;
  for (size_t i = 0; i < sizeof kChecks / sizeof kChecks[0]; i++) {
    check function;
    *(void**)&function = dlsym(plugin, kChecks[i]);
    const char* const wrong = function == NULL ? "not found" : function();
    if (wrong != NULL) {
      fprintf(stderr, "%s: %s\n", kChecks[i], wrong);
      failed = 1;
    }
  }
  dlclose(plugin);
  return failed;
}

int main(int argc, char** argv) {
  const char* const asked = getenv("HAK_TEST_ALLOCATOR");
  if (argc < 2) return 2;
  if (asked != NULL && strcmp(asked, "hakmem") == 0 && dlsym(RTLD_DEFAULT, "hakmem_version") == NULL) {
#ifndef HAK_TEST_LINKED
    fprintf(stderr, "hakmem isn't loaded\n");
    return 2;
#endif
  }
  if (dlsym(RTLD_DEFAULT, "_ZSt17__throw_bad_allocv") != NULL) {
    fprintf(stderr, "libstdc++ is in this process already: the test shows nothing\n");
    return 2;
  }
  void* const before = malloc(100); /* blocks from before live on across the plugin's coming and going */
  errno = 0;
  void* const absurd = malloc((size_t)atol("9223372036854775807"));
  if (absurd != NULL || errno != ENOMEM) return 3;
  int failed = run_checks(argv[1], RTLD_NOW | RTLD_LOCAL);
  failed |= run_checks(argv[1], RTLD_LAZY | RTLD_LOCAL); /* and again after dlclose */
  free(before);
  return failed;
}
