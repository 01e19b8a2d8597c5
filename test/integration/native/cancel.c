// Threads are cancelled while they allocate. malloc and free are no cancellation points: with a cancellation pending, a
// thread goes through thousands of them and ends at its next real one, and its cleanup handlers free what it had.
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "block.h"

enum { kThreads = 200 };

typedef struct Victim {
  Block* block;
  volatile int ready;
  volatile int survived_allocator;
} Victim;

static void clean_up(void* argument) {
  Victim* const victim = argument;
  take_apart(victim->block);
  victim->block = NULL;
  churn(3, 30); /* allocating in a cleanup handler is allowed */
}

/* Cancels itself, deferred, then allocates: only pthread_testcancel may end it. */
static void* allocate_with_pending_cancellation(void* argument) {
  Victim* const victim = argument;
  victim->block = make_block(5000, 1);
  pthread_cleanup_push(clean_up, victim);
  CHECK(pthread_cancel(pthread_self()) == 0);
  churn((uintptr_t)argument, 400);
  take_apart(make_block(8 << 20, 4));
  victim->survived_allocator = 1;
  pthread_testcancel();
  CHECK(!"a pending cancellation is acted on");
  pthread_cleanup_pop(1);
  return NULL;
}

/* Allocates between cancellation points until another thread cancels it, anywhere. */
static void* allocate_until_cancelled(void* argument) {
  Victim* const victim = argument;
  victim->block = make_block(300, 2);
  pthread_cleanup_push(clean_up, victim);
  for (uint64_t i = 0;; i++) {
    churn(i, 10);
    victim->ready = 1;
    pthread_testcancel();
  }
  pthread_cleanup_pop(1);
  return NULL;
}

/* Can be cancelled at any instruction, but not while it allocates. */
static void* allocate_and_compute(void* argument) {
  Victim* const victim = argument;
  int ignored;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
  victim->block = make_block(70000, 3);
  pthread_cleanup_push(clean_up, victim);
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &ignored);
  for (uint64_t i = 0;; i++) {
    churn(i, 10);
    victim->ready = 1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &ignored);
    for (volatile int spin = 0; spin < 1000; spin++) continue;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
  }
  pthread_cleanup_pop(1);
  return NULL;
}

static void* (*const kKinds[])(void*) = {allocate_with_pending_cancellation, allocate_until_cancelled,
                                         allocate_and_compute};

int main(void) {
  for (int i = 0; i < kThreads; i++) {
    const int kind = i % 3;
    Victim victim = {NULL, 0, 0};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, kKinds[kind], &victim) == 0);
    if (kind != 0) {
      while (!victim.ready) sched_yield();
      const struct timespec pause = {0, i * 1000};
      nanosleep(&pause, NULL);
      CHECK(pthread_cancel(thread) == 0);
    }
    void* result = NULL;
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(victim.block == NULL);
    CHECK(kind != 0 || victim.survived_allocator);
  }
  printf("%d threads were cancelled and cleaned up\n", kThreads);
}
