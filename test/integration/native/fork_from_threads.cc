// Four threads fork at the same time, while others start and end; children fork again, and grandchildren start threads.
#include <sys/wait.h>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "block.h"

namespace {

constexpr int kForkers = 4, kForksEach = 60, kChildSeconds = 30;

std::atomic<bool> stop{false};

void wait_for(pid_t child) {
  int status = 0;
  CHECK(child > 0);
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) dprintf(2, "a child was ended by %s\n", strsignal(WTERMSIG(status)));
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

[[noreturn]] void live_as_child(int number, Block* from_parent) {
  alarm(kChildSeconds);
  std::thread other([number] { churn(number, 100); });
  take_apart(from_parent);
  const pid_t grandchild = fork();  // beside a thread that allocates, in a process that was forked beside threads
  if (grandchild == 0) {
    alarm(kChildSeconds);
    std::thread([number] { churn(number + 1, 50); }).join();
    _exit(0);
  }
  wait_for(grandchild);
  other.join();
  _exit(0);
}

void fork_often(int forker) {
  uint64_t state = forker + 1;
  for (int i = 0; i < kForksEach; i++) {
    Block* const block = random_block(&state);
    const pid_t child = fork();
    if (child == 0) live_as_child(forker * kForksEach + i, block);
    churn(state, 20);
    wait_for(child);
    take_apart(block);
  }
}

void come_and_go() {
  for (uint64_t i = 0; !stop.load(std::memory_order_relaxed); i++) std::thread([i] { churn(i, 30); }).join();
}

}  // namespace

int main() {
  std::thread background(come_and_go);
  std::vector<std::thread> forkers;
  for (int i = 0; i < kForkers; i++) forkers.emplace_back(fork_often, i);
  for (std::thread& forker : forkers) forker.join();
  stop = true;
  background.join();
  printf("%d children and as many grandchildren\n", kForkers * kForksEach);
}
