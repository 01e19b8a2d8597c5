// Blocks that are made, resized and freed while threads end: in destructors of thread_local objects, in destructors of
// sixty pthread keys, in each of the PTHREAD_DESTRUCTOR_ITERATIONS rounds. The allocator has a key of its own, and some
// of these run after it. What the last round leaves is freed by the main thread.
#include <pthread.h>
#include <climits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "block.h"

namespace {

constexpr int kThreads = 60, kKeys = 60, kEarlyKeys = 30;

pthread_key_t keys[kKeys];
std::mutex mutex;
std::vector<Block*> survivors;
std::vector<int> rounds_of(kThreads);

struct KeyValue {
  int thread, key, round;
  Block* block;
};

void set_value(int thread, int key, int round) {
  KeyValue* const value = static_cast<KeyValue*>(malloc(sizeof(KeyValue)));
  *value = {thread, key, round, make_block(16 + static_cast<size_t>(key * round * 37 + key), static_cast<size_t>(key))};
  CHECK(pthread_setspecific(keys[key], value) == 0);
}

void key_destructor(void* argument) {
  KeyValue* const value = static_cast<KeyValue*>(argument);
  const KeyValue copy = *value;
  take_apart(value->block);
  free(value);
  churn(static_cast<uint64_t>(copy.key), 5);
  if (copy.round < PTHREAD_DESTRUCTOR_ITERATIONS) return set_value(copy.thread, copy.key, copy.round + 1);
  Block* const left = make_block(100 + static_cast<size_t>(copy.key) * 50, static_cast<size_t>(copy.thread));
  const std::lock_guard lock(mutex);
  survivors.push_back(left);
  rounds_of[copy.thread] = copy.round;
}

// thread_local destructors run before those of keys, in reverse order of construction; one may construct the next.
struct Local {
  explicit Local(int n) : number(n), block(make_block(64 + static_cast<size_t>(n), 7)) {}
  ~Local();
  int number;
  Block* block;
  std::vector<std::string> words = std::vector<std::string>(50, "a string too long for the short form");
};
Local::~Local() {
  take_apart(block);
  churn(static_cast<uint64_t>(number), 20);
  if (number > 0) {
    thread_local Local made_in_a_destructor(0);
    CHECK(made_in_a_destructor.block != nullptr);
  }
}
thread_local Local first(1);
thread_local Local second(2);

void live(int number) {
  if (number % 3 == 0) CHECK(first.block != nullptr && second.words.size() == 50);
  if (number % 2 == 0)
    for (int key = 0; key < kKeys; key++) set_value(number, key, 1);
  if (number % 5 == 0) churn(static_cast<uint64_t>(number), 50);
}

void* live_in_c(void* argument) {
  live(static_cast<int>(reinterpret_cast<intptr_t>(argument)));
  if (reinterpret_cast<intptr_t>(argument) % 4 == 1) pthread_exit(nullptr);
  return nullptr;
}

void make_keys(int from, int to) {
  for (int key = from; key < to; key++) CHECK(pthread_key_create(&keys[key], key_destructor) == 0);
}

}  // namespace

int main() {
  make_keys(0, kEarlyKeys);
  std::thread([] { churn(1, 100); }).join();  // by now, the allocator has its key
  make_keys(kEarlyKeys, kKeys);

  for (int start = 0; start < kThreads; start += 10) {
    std::vector<pthread_t> threads(10);
    for (int i = 0; i < 10; i++)
      CHECK(pthread_create(&threads[i], nullptr, live_in_c,
                           reinterpret_cast<void*>(static_cast<intptr_t>(start + i))) == 0);
    for (const pthread_t thread : threads) CHECK(pthread_join(thread, nullptr) == 0);
  }
  for (Block* const block : survivors) take_apart(block);
  int full = 0;
  for (const int rounds : rounds_of) full += rounds == PTHREAD_DESTRUCTOR_ITERATIONS;
  printf("%d threads ran all %d rounds, %zu blocks survived them\n", full, PTHREAD_DESTRUCTOR_ITERATIONS,
         survivors.size());
}
