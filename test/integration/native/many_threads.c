// Two thousand threads alive at one time, each with blocks of its own; then each frees its neighbour's. Where the system
// allows fewer threads, as many as it allows.
#include <pthread.h>

#include "block.h"

enum { kThreads = 2000, kBlocks = 30, kStackBytes = 128 << 10 };

static Block* blocks[kThreads][kBlocks];
static pthread_barrier_t all_have_theirs;
static pthread_mutex_t start = PTHREAD_MUTEX_INITIALIZER;
static int thread_count; /* written under start, which each thread takes first */

static void* live(void* argument) {
  const int number = (int)(uintptr_t)argument;
  pthread_mutex_lock(&start);
  pthread_mutex_unlock(&start);
  for (int i = 0; i < kBlocks; i++)
    blocks[number][i] = make_block(16 + (size_t)(i * i * 11 + number % 50), (size_t)number);
  pthread_barrier_wait(&all_have_theirs);
  Block** const theirs = blocks[(number + 1) % thread_count];
  for (int i = 0; i < kBlocks; i++) take_apart(theirs[i]);
  churn((uint64_t)number, 20);
  return NULL;
}

int main(void) {
  static pthread_t threads[kThreads];
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, kStackBytes) == 0);

  pthread_mutex_lock(&start);
  while (thread_count < kThreads &&
         pthread_create(&threads[thread_count], &attributes, live, (void*)(uintptr_t)thread_count) == 0)
    thread_count++;
  CHECK(thread_count > 50);
  CHECK(pthread_barrier_init(&all_have_theirs, NULL, (unsigned)thread_count) == 0);
  pthread_mutex_unlock(&start);
  for (int i = 0; i < thread_count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  printf("all threads freed their neighbours' blocks\n");
}
