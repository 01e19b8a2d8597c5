// A signal handler forks. Alone: the signals of a second process arrive anywhere in malloc and free, as in glibc's
// tst-mallocfork2. Beside threads: the handler interrupts a thread that only waits, while others allocate.
// run: alone
// run: beside-threads
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "block.h"

enum { kForks = 400, kThreads = 3 };

static volatile sig_atomic_t forks;
static volatile sig_atomic_t stop;

static void fork_in_handler(int signal_number) {
  (void)signal_number;
  const int saved = errno;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK(child > 0);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  forks++;
  errno = saved;
}

/* Starts a process that signals `target` until it is killed. */
static pid_t start_sender(pid_t target) {
  const pid_t sender = fork();
  CHECK(sender >= 0);
  if (sender > 0) return sender;
  while (kill(target, SIGUSR1) == 0) usleep(300);
  _exit(0);
}

static void* allocate_until_stopped(void* argument) {
  for (uint64_t i = (uintptr_t)argument; !stop; i++) churn(i, 100);
  return NULL;
}

int main(int argc, char** argv) {
  const int beside_threads = argc > 1 && strcmp(argv[1], "beside-threads") == 0;
  const struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);

  sigset_t only_main, before;
  sigemptyset(&only_main);
  sigaddset(&only_main, SIGUSR1);
  pthread_t threads[kThreads];
  if (beside_threads) {  // they inherit the blocked signal, so that the main thread gets it
    CHECK(pthread_sigmask(SIG_BLOCK, &only_main, &before) == 0);
    for (int i = 0; i < kThreads; i++)
      CHECK(pthread_create(&threads[i], NULL, allocate_until_stopped, (void*)(uintptr_t)(i + 1)) == 0);
  }
  const pid_t sender = start_sender(getpid());
  while (forks < kForks) {
    if (beside_threads) sigsuspend(&before);
    else churn((uint64_t)forks, 200);
  }
  CHECK(kill(sender, SIGKILL) == 0);
  CHECK(waitpid(sender, NULL, 0) == sender);
  signal(SIGUSR1, SIG_IGN);
  stop = 1;
  for (int i = 0; beside_threads && i < kThreads; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  printf("at least %d forks in a handler\n", kForks);
}
