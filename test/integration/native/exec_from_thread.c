// A process replaces itself 40 times, from its main thread and from others, while its threads allocate.
// run: 40
#include <pthread.h>

#include "block.h"

static char next_argument[16];
static char* program;

static void* allocate(void* argument) {
  for (uint64_t i = (uintptr_t)argument;; i++) churn(i, 100);
  return NULL;
}

static void* replace_process(void* argument) {
  (void)argument;
  churn(3, 200);
  execl(program, program, next_argument, (char*)NULL);
  CHECK(!"execl returns only on failure");
  return NULL;
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const int left = atoi(argv[1]);
  if (left == 0) {
    printf("the last of many images\n");
    return 0;
  }
  program = argv[0];
  snprintf(next_argument, sizeof next_argument, "%d", left - 1);
  pthread_t thread;
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread, NULL, allocate, (void*)(uintptr_t)i) == 0);
  usleep(1000);
  if (left % 2 == 0) replace_process(NULL);
  CHECK(pthread_create(&thread, NULL, replace_process, NULL) == 0);
  allocate(NULL);
}
