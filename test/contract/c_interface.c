/* The whole C interface in a C program without libstdc++: that hakmem loads into one, and links into one fully static.
 * Ends with 0, or names the line that failed. What each function must do in detail is in the *_test.cc. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

static volatile size_t g_never = (size_t)1 << 60;

static void check_block(char* block, size_t alignment, size_t bytes) {
  CHECK(block != NULL);
  CHECK((uintptr_t)block % alignment == 0);
  CHECK(malloc_usable_size(block) >= bytes);
  memset(block, 0x11, bytes);
  free(block);
}

static void* thread_work(void* block) {
  for (size_t i = 0; i < 2000; i++) check_block(malloc(i * 37 % 9000), 16, i * 37 % 9000);
  free(block); /* main's */
  return malloc(333);
}

static void check_allocation(void) {
  for (size_t n = 0; n < 3000000; n = n * 5 / 4 + 1) {
    check_block(malloc(n), 16, n);
    check_block(calloc(n, 1), 16, n);
    check_block(realloc(NULL, n), 16, n);
    check_block(reallocarray(NULL, n, 1), 16, n);
    check_block(memalign(64, n), 64, n);
    check_block(aligned_alloc(4096, n), 4096, n);
    check_block(valloc(n), 4096, n);
    check_block(pvalloc(n), 4096, n);
    void* block = NULL;
    CHECK(posix_memalign(&block, 1024, n) == 0);
    check_block(block, 1024, n);
  }
  errno = 0;
  CHECK(malloc(g_never) == NULL && errno == ENOMEM);
}

static void check_reports(void) {
  CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
  void* const block = malloc(1000000);
  const struct mallinfo2 info = mallinfo2();
  CHECK(info.uordblks + info.hblkhd >= 1000000);
  CHECK(malloc_info(7, stdout) != 0);
  FILE* const null = fopen("/dev/null", "w");
  CHECK(null != NULL && malloc_info(0, null) == 0);
  fclose(null);
  free(block);
  malloc_trim(0);
}

static void check_threads_and_fork(void) {
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, thread_work, malloc(1000)) == 0);
  for (int i = 0; i < 8; i++) {
    void* result;
    CHECK(pthread_join(threads[i], &result) == 0);
    check_block(result, 16, 333);
  }
  char* const inherited = malloc(5000);
  memset(inherited, 7, 5000);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(inherited[4999] == 7);
    check_block(inherited, 16, 5000);
    check_block(thread_work(malloc(10)), 16, 333);
    _exit(0);
  }
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  free(inherited);
}

static void free_at_exit(void) {
  static int rounds;
  free(malloc(100));
  if (++rounds < 3) atexit(free_at_exit);
}

int main(void) {
  atexit(free_at_exit);
  check_allocation();
  check_reports();
  check_threads_and_fork();
  puts("ok");
  return 0;
}
