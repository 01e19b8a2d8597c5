// dlmopen loads a library with a second libc, whose malloc is glibc's own; the first namespace keeps the preloaded one,
// and the two do not disturb each other.
// library: namespaces_library.c
#include <dlfcn.h>

#include "block.h"

int main(int argc, char** argv) {
  CHECK(argc == 2);
  void* const library = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
  CHECK(library != NULL);
  void (*const churn_there)(uint64_t, int) = (void (*)(uint64_t, int))dlsym(library, "churn_there");
  CHECK(churn_there != NULL);
  for (int i = 0; i < 20; i++) {
    churn((uint64_t)i, 300);
    churn_there((uint64_t)i, 300);
  }
  CHECK(dlclose(library) == 0);
  churn(1, 300);
  printf("two mallocs in one process\n");
  return 0;
}
