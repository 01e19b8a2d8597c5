// Every path through the allocator, fast and slow, in threads that have the smallest stack there is.
#include <limits.h>
#include <malloc.h>
#include <pthread.h>

#include "block.h"

enum { kThreads = 20 };

static FILE* null_;

static void* allocate_everything(void* argument) {
  const uintptr_t seed = (uintptr_t)argument;
  for (size_t size = sizeof(Block); size <= (8u << 20); size = size * 3 / 2) {
    Block* block = become_block(malloc(size), size, seed);
    check_block(block);
    block = become_block(realloc(block, size * 2), size * 2, seed);
    take_apart(become_block(calloc(1, size), size, seed));
    void* aligned = NULL;
    CHECK(posix_memalign(&aligned, 4096, size) == 0);
    take_apart(become_block(aligned, size, seed));
    take_apart(block);
  }
  volatile size_t absurd = SIZE_MAX / 2;
  CHECK(malloc(absurd) == NULL && errno == ENOMEM);
  malloc_trim(0);
  CHECK(mallinfo2().uordblks > 0);
  CHECK(malloc_info(0, null_) == 0);
  return NULL;
}

int main(void) {
  CHECK((null_ = fopen("/dev/null", "w")) != NULL);
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) == 0);
  for (int round = 0; round < kThreads; round += 4) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
      CHECK(pthread_create(&threads[i], &attributes, allocate_everything, (void*)(uintptr_t)(round + i)) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  }
  printf("a stack of PTHREAD_STACK_MIN suffices\n");
}
