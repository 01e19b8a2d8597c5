// Forks: what a child finds of the parent's blocks, and whether it can go on with them.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "model/run.h"

namespace hak::test {

namespace {

void wait_for(pid_t child) {
  int status = 0;
  if (child < 0) {
    if (is_null_allowed()) return;
    fail("fork: errno %d", errno);
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid: errno %d", errno);
  if (status != 0) fail("the forked child ended with status %#x", static_cast<unsigned>(status));
}

constexpr unsigned kChildSeconds = 60;  // then it hangs: SIGALRM

void work_a_little(Thread& t) {
  for (uint32_t i = 0; i < 200; i++) {
    const Operation o{0, 0, 0, i % 3 == 0 ? Kind::calloc : Kind::malloc, i % t.program->slots, i * i % 5000, 16};
    make(t, o);
    if (i % 2 == 0) release(t.slots[o.slot], i % 4 == 0);
  }
}

void* thread_in_child(void* argument) {
  work_a_little(*static_cast<Thread*>(argument));
  return nullptr;
}

}  // namespace

void fork_now(Thread& t) {
  const pid_t child = fork();
  if (child != 0) return wait_for(child);
  alarm(kChildSeconds);
  for (uint32_t i = 0; i < t.program->slots; i++) {
    if (t.slots[i].at != nullptr) check_contents(t.slots[i]);
    if (i % 2 == 0) release(t.slots[i], i % 4 == 0);
  }
  work_a_little(t);
  // The sanitizer's own locks may be held by threads that stayed in the parent: making a thread waits for them for ever.
  pthread_t thread;
  if (!under_thread_sanitizer() && pthread_create(&thread, nullptr, thread_in_child, &t) == 0)
    pthread_join(thread, nullptr);
  for (uint32_t i = 0; i < t.program->slots; i++) release(t.slots[i], i % 4 == 0);
  _exit(0);
}

void fork_at_rest(Model& m) {
  const pid_t child = fork();
  if (child != 0) return wait_for(child);
  alarm(kChildSeconds);
  check_everything(m);
  work_a_little(m.threads[0]);
  release_everything(m);
  check_everything(m);
  _exit(0);
}

}  // namespace hak::test
