// A process that has given up its files, its right to open any, its view of /proc and /sys, and its privileges can
// still allocate, start threads and fork: the allocator needs nothing but memory.
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "block.h"

static void* allocate(void* argument) {
  for (int i = 0; i < 10; i++) churn((uintptr_t)argument + (uint64_t)i, 300);
  return NULL;
}

static void allocate_in_threads(void) {
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, allocate, (void*)(uintptr_t)i) == 0);
  for (int i = 0; i < 8; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Everything in the child; what it found goes by its exit status, for it has no output any more. */
static void live_bare(int allocate_first) {
  if (allocate_first) allocate(NULL);
  char empty[] = "empty-XXXXXX";
  const int confined = mkdtemp(empty) != NULL && chroot(empty) == 0 && chdir("/") == 0;
  if (!confined) errno = 0; /* not root: the rest still counts */
  const struct rlimit no_files = {0, 0};
  CHECK(setrlimit(RLIMIT_NOFILE, &no_files) == 0);
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
  for (int fd = 0; fd < 64; fd++) close(fd);
  allocate_in_threads();
  const pid_t child = fork();
  if (child == 0) {
    allocate_in_threads();
    exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  exit(0);
}

int main(void) {
  for (int allocate_first = 0; allocate_first < 2; allocate_first++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) live_bare(allocate_first);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  printf("a bare process can allocate\n");
}
