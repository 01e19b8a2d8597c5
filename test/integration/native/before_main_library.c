// part of: before_main.cc
// A library whose constructor allocates, and has a thread allocate, before the program's own constructors run.
#include <pthread.h>

#include "block.h"

static Block* block;

static void* allocate(void* argument) {
  churn((uintptr_t)argument, 500);
  return make_block(12345, 8);
}

__attribute__((constructor)) static void construct(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, allocate, (void*)1) == 0);
  void* result = NULL;
  CHECK(pthread_join(thread, &result) == 0);
  block = result;
}

Block* library_block(void) { return block; }
