// 500 short threads, 16 at a time. Each takes over half of what others left behind and leaves blocks of its own; what
// is left over at last, by threads long gone, is freed by the main thread. Some are detached, some never allocate.
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

#include "block.h"

namespace {

constexpr int kThreads = 500, kAtATime = 16, kLeft = 40;

std::mutex mutex;
std::vector<Block*> left_behind;
std::counting_semaphore<kAtATime> places(kAtATime);
std::counting_semaphore<kThreads> detached_ended(0);

Block* take_one() {
  const std::lock_guard lock(mutex);
  if (left_behind.empty()) return nullptr;
  Block* const block = left_behind.back();
  left_behind.pop_back();
  return block;
}

void leave(Block* block) {
  const std::lock_guard lock(mutex);
  left_behind.push_back(block);
}

void live_shortly(int number) {
  uint64_t state = number;
  for (int i = 0; i < kLeft; i++) {
    if (i % 2 == 0) take_apart(take_one());
    leave(random_block(&state));
  }
  if (number % 3 == 0) churn(number, 300);
}

void only_free() {
  for (int i = 0; i < kLeft; i++) take_apart(take_one());
}

}  // namespace

int main() {
  std::vector<std::thread> joinable;
  int detached = 0;
  for (int number = 0; number < kThreads; number++) {
    places.acquire();
    std::thread thread([number] {
      if (number % 7 == 6) only_free();
      else if (number % 7 != 5) live_shortly(number);
      places.release();
      if (number % 4 == 3) detached_ended.release();
    });
    if (number % 4 == 3) {
      thread.detach();
      detached++;
    } else {
      joinable.push_back(std::move(thread));
    }
  }
  for (std::thread& thread : joinable) thread.join();
  for (int i = 0; i < detached; i++) detached_ended.acquire();
  while (Block* const block = take_one()) take_apart(block);
  printf("%d threads have lived\n", kThreads);
}
