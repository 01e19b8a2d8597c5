// Forks again and again while other threads allocate, free, hand blocks to each other and trim: in each child every kind
// of allocation must work at once, inherited blocks must hold what they held, and can be freed, whoever made them.
// usage: fork_storm FORKS     a child that hangs is ended by SIGALRM; ends with 0, or says what was wrong
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/allocator.h"
#include "support/pattern.h"
#include "support/random.h"
#include "support/sizes.h"

using namespace hak::test;

namespace {

constexpr int kThreads = 4;
constexpr size_t kInherited = 400;
constexpr unsigned kChildSeconds = 60;

struct Block {
  void* at;
  size_t size;
  uint64_t number;
};

Block g_inherited[kInherited];      // made by all threads before the forks begin
std::atomic<void*> g_exchange[64];  // blocks on their way between threads
std::atomic<bool> g_end;
pthread_barrier_t g_filled;

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "fork_storm: %s\n", what);
  _exit(1);
}

size_t choose_size(Random& random) {
  const uint64_t kind = random.below(100);
  if (kind < 75) return random.below(1000);
  if (kind < 93) return random.between(1000, 60'000);
  return random.between(60'000, random.one_in(8) ? 3 * kMiB : 400'000);
}

void* allocate(size_t n) {
  void* const block = malloc(n);
  if (block == nullptr) fail("no memory");
  return block;
}

// Allocates and frees; every few blocks go to another thread.
void work(Random& random, int operations) {
  void* held[32] = {};
  for (int i = 0; i < operations; i++) {
    void*& block = held[random.below(32)];
    if (block != nullptr && random.one_in(3)) block = g_exchange[random.below(64)].exchange(block);
    free(block);
    const size_t n = choose_size(random);
    block = allocate(n);
    memset(block, 1, n < 64 ? n : 64);
    if (random.one_in(2000)) malloc_trim(0);
  }
  for (void* block : held) free(block);
}

void* thread_main(void* argument) {
  const uint64_t index = reinterpret_cast<uint64_t>(argument);
  Random random(index + 1);
  for (size_t i = index; i < kInherited; i += kThreads) {
    const size_t n = choose_size(random);
    g_inherited[i] = {allocate(n), n, i};
    fill_pattern(g_inherited[i].at, n, i);
  }
  pthread_barrier_wait(&g_filled);
  while (!g_end) work(random, 500);
  return nullptr;
}

void* thread_in_child(void*) {
  Random random(77);
  work(random, 300);
  return nullptr;
}

void check_inherited() {
  for (const Block& b : g_inherited)
    if (find_broken_pattern(b.at, b.size, b.number, b.size) != kPatternKept) fail("an inherited block has changed");
}

[[noreturn]] void be_a_child(int round) {
  alarm(kChildSeconds);
  for (size_t n : tier_sizes(3 * kMiB)) free(allocate(n));
  check_inherited();
  Random random(static_cast<uint64_t>(round) + 1000);
  work(random, 300);
  for (Block& b : g_inherited) free(b.at);
  if (round % 4 == 0) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, thread_in_child, nullptr) != 0) fail("no thread in the child");
    pthread_join(thread, nullptr);
  }
  if (round % 8 == 1) {  // a child's child
    const pid_t child = fork();
    if (child == 0) {
      work(random, 100);
      _exit(0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    if (status != 0) fail("the child's child failed");
  }
  malloc_trim(0);
  if (round % 16 == 2) exit(0);  // through destructors and atexit
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (const char* const wrong = wrong_allocator(); wrong != nullptr) fail(wrong);
  const int forks = argc > 1 ? atoi(argv[1]) : 100;
  pthread_barrier_init(&g_filled, nullptr, kThreads + 1);
  pthread_t threads[kThreads];
  for (uint64_t i = 0; i < kThreads; i++)
    if (pthread_create(&threads[i], nullptr, thread_main, reinterpret_cast<void*>(i)) != 0) fail("pthread_create");
  pthread_barrier_wait(&g_filled);
  for (int round = 0; round < forks; round++) {
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) be_a_child(round);
    int status = 1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) {
      fprintf(stderr, "fork_storm: child %d ended with status %#x\n", round, static_cast<unsigned>(status));
      _exit(1);
    }
  }
  g_end = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  check_inherited();
  return 0;
}
