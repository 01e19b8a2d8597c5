// The library preloaded into a C program brings no C++ runtime with it, and the program's own data segment, limits and
// signals are as without it.
#include <signal.h>
#include <sys/resource.h>

#include "block.h"

int main(void) {
  churn(1, 3000);
  FILE* const maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  char* line = NULL;
  size_t room = 0;
  while (getline(&line, &room, maps) > 0) {
    CHECK(strstr(line, "libstdc++") == NULL);
    CHECK(strstr(line, "libgcc_s") == NULL);
  }
  free(line);
  CHECK(fclose(maps) == 0);

  for (int signal_number = 1; signal_number < SIGRTMAX; signal_number++) {
    struct sigaction action;
    if (sigaction(signal_number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
      printf("signal %d has another handler than the default\n", signal_number);
  }
  sigset_t blocked;
  CHECK(sigprocmask(SIG_SETMASK, NULL, &blocked) == 0 && sigisemptyset(&blocked));
  CHECK(getenv("LD_PRELOAD") != NULL); /* children are to have the library too */
  int open_files = 0;
  for (int fd = 3; fd < 64; fd++) open_files += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
  printf("%d files open beyond the standard three\n", open_files);
}
