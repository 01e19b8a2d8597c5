// The end of a process: blocks of constructors, of main and of other threads are freed in atexit and on_exit handlers,
// in destructors of static objects, in destructor functions that run after all of these, while threads still allocate.
// run: return
// run: exit
// run: exit-in-thread
// run: quick_exit
// run: pthread_exit
#include <pthread.h>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "block.h"

namespace {

Block* of_early_constructor;
Block* of_main;
std::atomic<Block*> of_thread{nullptr};
int steps;

void step(const char* what) {  // write(2) only: stdio may have been flushed for the last time
  dprintf(1, "%d %s\n", ++steps, what);
  churn(static_cast<uint64_t>(steps), 100);
}

[[gnu::constructor(101)]] void before_all_others() { of_early_constructor = make_block(777, 1); }

[[gnu::destructor(101)]] void after_all_others() {
  step("destructor of the lowest priority");
  take_apart(of_early_constructor);
  take_apart(make_block(5000, 3));
}

struct Static {
  std::vector<std::string> strings = std::vector<std::string>(300, "long enough to have a block of its own");
  ~Static() {
    step("static object");
    take_apart(std::exchange(of_main, nullptr));
    strings.assign(200, std::string(1000, 'x'));
  }
};
Static static_object;

struct Local {
  Block* block = make_block(300, 9);
  ~Local() { take_apart(block); }
};
thread_local Local local;

void at_exit() {
  step("atexit handler");
  take_apart(of_thread.exchange(nullptr));
  atexit([] { step("atexit handler registered by an atexit handler"); });
}

void on_exit_handler(int status, void* argument) {
  step("on_exit handler");
  CHECK(status == 0);
  take_apart(static_cast<Block*>(argument));
}

void allocate_for_ever() {
  for (uint64_t i = 1;; i++) {
    churn(i, 50);
    take_apart(of_thread.exchange(make_block(2000, i)));
  }
}

}  // namespace

int main(int, char** argv) {
  const std::string way = argv[1];
  of_main = make_block(100'000, 2);
  CHECK(local.block != nullptr);
  atexit(at_exit);
  CHECK(on_exit(on_exit_handler, make_block(40, 4)) == 0);
  at_quick_exit([] { step("at_quick_exit handler"); });
  if (way != "pthread_exit") {  // there the process ends with its last thread
    for (int i = 0; i < 3; i++) std::thread(allocate_for_ever).detach();
    while (of_thread.load() == nullptr) std::this_thread::yield();
  }
  if (way == "exit") exit(0);
  if (way == "exit-in-thread") std::thread([] { exit(0); }).join();
  if (way == "quick_exit") quick_exit(0);
  if (way == "pthread_exit") {
    std::thread([] {
      usleep(50'000);
      churn(5, 2000);
      dprintf(1, "the last thread ends\n");
    }).detach();
    pthread_exit(nullptr);
  }
}
