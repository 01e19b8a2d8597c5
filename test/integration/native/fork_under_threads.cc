// A thousand forks while four threads allocate, free and exchange blocks. Each child finds every block that was
// published intact, frees blocks of its parent and of threads that it doesn't have, and allocates all sizes. A child
// that waits for a lock nobody holds any more is ended by its alarm, and the program fails.
// hangs after: 240
#include <sys/wait.h>
#include <atomic>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include "block.h"

namespace {

constexpr int kForks = 1000, kThreads = 4, kSlots = 600, kChildSeconds = 30;

std::atomic<Block*> slots[kSlots];  // whoever takes a block out of a slot owns it
std::atomic<bool> stop{false};

void exchange_blocks(uint64_t seed) {
  uint64_t state = seed;
  while (!stop.load(std::memory_order_relaxed)) {
    take_apart(slots[next_random(&state) % kSlots].exchange(random_block(&state)));
    if (next_random(&state) % 64 == 0) usleep(100);  // leaves the processors to the children
  }
}

[[noreturn]] void live_as_child(int number, std::vector<Block*>& mine) {
  alarm(kChildSeconds);
  uint64_t state = number + 1;
  for (int i = 0; i < 20; i++) take_apart(slots[next_random(&state) % kSlots].exchange(random_block(&state)));
  for (Block*& block : mine)
    if (next_random(&state) % 2 == 0) take_apart(std::exchange(block, nullptr));
  churn(number, 60);
  if (number % 10 == 0) {  // a child may have threads of its own, and end with all its handlers
    std::thread([number] { churn(number + 1, 200); }).join();
    for (std::atomic<Block*>& slot : slots) take_apart(slot.exchange(nullptr));
    exit(0);
  }
  _exit(0);
}

}  // namespace

int main() {
  std::vector<Block*> mine;
  uint64_t state = 4711;
  for (int i = 0; i < 200; i++) mine.push_back(random_block(&state));

  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; i++) threads.emplace_back(exchange_blocks, i + 1);

  for (int number = 0; number < kForks; number++) {
    take_apart(std::exchange(mine[number % mine.size()], random_block(&state)));
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) live_as_child(number, mine);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
      const bool hung = WTERMSIG(status) == SIGALRM;
      dprintf(2, "child %d: %s\n", number, hung ? "hangs" : strsignal(WTERMSIG(status)));
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (Block* const block : mine) take_apart(block);
  for (std::atomic<Block*>& slot : slots) take_apart(slot.exchange(nullptr));
  printf("%d children came and went\n", kForks);
}
