// Much memory is freed and the allocator may have started a helper thread to give it back. setgid and setuid then make
// glibc send each thread a signal and wait for its answer: a helper that cannot answer would make them hang.
#include <grp.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "block.h"

enum { kBlocks = 3000, kBlockBytes = 100 << 10 };

static void* wait_for_release(void* barrier) {
  pthread_barrier_wait(barrier);
  return NULL;
}

int main(void) {
  static Block* blocks[kBlocks];
  for (int i = 0; i < kBlocks; i++) blocks[i] = make_block(kBlockBytes, (size_t)i);
  for (int i = 0; i < kBlocks; i++)
    memset((char*)blocks[i] + sizeof(Block), (int)blocks[i]->seed | 1, kBlockBytes - sizeof(Block));
  for (int i = 0; i < kBlocks; i++) take_apart(blocks[i]);

  pthread_barrier_t barrier;
  pthread_t thread; /* a second thread of our own: alone, setuid would not signal anybody */
  CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
  CHECK(pthread_create(&thread, NULL, wait_for_release, &barrier) == 0);
  for (int i = 0; i < 30; i++) {
    alarm(20);
    CHECK(setgid(getgid()) == 0);
    CHECK(setuid(getuid()) == 0);
    usleep(50000); /* in all, longer than the time until freed memory is given back */
    churn((uint64_t)i, 200);
  }
  alarm(0);
  pthread_barrier_wait(&barrier);
  CHECK(pthread_join(thread, NULL) == 0);
  printf("identities were set\n");
}
