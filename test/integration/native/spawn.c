// Programs are started from allocating threads in all the ways there are: vfork, posix_spawn, system, popen, fork and
// exec. Between vfork and exec the child runs in its parent's memory; nothing it does may show there.
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "block.h"

enum { kThreads = 3, kStartsEach = 20 };

extern char** environ;

static volatile sig_atomic_t stop;

static void wait_for(pid_t child, int expected) {
  int status = 0;
  CHECK(child > 0);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == expected);
}

static void start_by_vfork(void) {
  char* const argv[] = {"sh", "-c", "exit 5", NULL};
  const pid_t child = vfork();
  if (child == 0) {
    execve("/bin/sh", argv, environ);
    _exit(127);
  }
  wait_for(child, 5);
  const pid_t failing = vfork();
  if (failing == 0) {
    execve("/no/such/program", argv, environ);
    _exit(9);
  }
  wait_for(failing, 9);
}

static void start_by_posix_spawn(void) {
  char* const argv[] = {"sh", "-c", "exit 6", NULL};
  posix_spawn_file_actions_t actions;
  CHECK(posix_spawn_file_actions_init(&actions) == 0);
  CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0) == 0);
  pid_t child = 0;
  CHECK(posix_spawnp(&child, "sh", &actions, NULL, argv, environ) == 0);
  CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
  wait_for(child, 6);
  CHECK(posix_spawn(&child, "/no/such/program", NULL, NULL, argv, environ) == ENOENT);
}

static void start_by_libc(void) {
  CHECK(system("exit 7") == 7 << 8);
  FILE* const pipe = popen("echo one; echo two", "r");
  CHECK(pipe != NULL);
  char* line = NULL;
  size_t room = 0;
  int lines = 0;
  while (getline(&line, &room, pipe) > 0) lines++;
  free(line);
  CHECK(lines == 2);
  CHECK(pclose(pipe) == 0);
}

static void start_by_fork(void) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "exit 8", NULL);
    _exit(127);
  }
  wait_for(child, 8);
}

static void* start_programs(void* argument) {
  for (int i = 0; i < kStartsEach; i++) {
    Block* const block = make_block(sizeof(Block) + (size_t)i * 3000, (uintptr_t)argument);
    start_by_vfork();
    start_by_posix_spawn();
    start_by_libc();
    start_by_fork();
    take_apart(block);
  }
  return NULL;
}

static void* allocate(void* argument) {
  for (uint64_t i = (uintptr_t)argument; !stop; i++) churn(i, 100), usleep(100);
  return NULL;
}

int main(void) {
  pthread_t starters[kThreads], allocators[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&allocators[i], NULL, allocate, (void*)(uintptr_t)i) == 0);
  for (int i = 0; i < kThreads; i++)
    CHECK(pthread_create(&starters[i], NULL, start_programs, (void*)(uintptr_t)i) == 0);
  for (int i = 0; i < kThreads; i++) CHECK(pthread_join(starters[i], NULL) == 0);
  stop = 1;
  for (int i = 0; i < 2; i++) CHECK(pthread_join(allocators[i], NULL) == 0);
  printf("all programs ended as they should\n");
}
