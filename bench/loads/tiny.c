// The program that startup.cc starts: allocates a few blocks, frees them, and ends. With --look it prints the file that
// malloc is in, and its own peak resident memory in KiB.
//
// usage: tiny [--look] [BLOCKS [SIZE...]]
// Without BLOCKS there are 20. The sizes, of 8 bytes at least, take turns; without, 16 bytes to 2 KiB do.
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int look(void) {
  Dl_info info;
  char path[PATH_MAX], line[256];
  void* const function = dlsym(RTLD_DEFAULT, "malloc");
  if (function == NULL || dladdr(function, &info) == 0 || realpath(info.dli_fname, path) == NULL) return 1;
  FILE* const status = fopen("/proc/self/status", "r");
  if (status == NULL) return 1;
  unsigned long peak = 0;
  while (fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "VmHWM:", 6) == 0) peak = strtoul(line + 6, NULL, 10);
  fclose(status);
  return printf("%s\n%lu\n", path, peak) > 0 ? 0 : 1;
}

// A block holds the address of the next, so that as many as are wanted need no table.
static int allocate_and_free(size_t blocks, char** sizes, size_t count) {
  void* first = NULL;
  void** end = &first;
  for (size_t i = 0; i < blocks; i++) {
    void** const block = malloc(count != 0 ? strtoul(sizes[i % count], NULL, 10) : (size_t)16 << (i % 8));
    if (block == NULL) return 1;
    *block = NULL;
    *end = block;
    end = block;
  }
  for (void* block = first; block != NULL;) {
    void* const next = *(void**)block;
    free(block);
    block = next;
  }
  return 0;
}

int main(int argc, char** argv) {
  const int looks = argc > 1 && strcmp(argv[1], "--look") == 0;
  char** const words = argv + 1 + looks;
  const int count = argc - 1 - looks;
  const size_t blocks = count > 0 ? strtoul(words[0], NULL, 10) : 20;
  if (allocate_and_free(blocks, words + 1, count > 1 ? (size_t)count - 1 : 0) != 0) return 1;
  return looks ? look() : 0;
}
