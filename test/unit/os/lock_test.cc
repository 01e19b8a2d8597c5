// os/lock: exclusion, holders, ranks, fork.
#include "os/lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace hak::os {
namespace {

constinit Lock g_heap(Rank::heap);
constinit Lock g_other_heap(Rank::heap);
constinit Lock g_map(Rank::map);

TEST(Lock, excludes_threads_from_each_other) {
  uint64_t sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&sum] {
      for (int i = 0; i < 20'000; ++i) {
        const LockGuard guard(g_heap);
        ++sum;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 80'000u);
  EXPECT_EQ(locks_held_by_me(), 0u);
}

TEST(Lock, knows_its_holder_and_every_thread_what_it_holds) {
  EXPECT_FALSE(g_heap.held_by_me());
  g_heap.lock();
  g_map.lock();
  EXPECT_TRUE(g_heap.held_by_me());
  EXPECT_EQ(locks_held_by_me(), 2u);
  std::thread([] {
    EXPECT_FALSE(g_heap.held_by_me());
    EXPECT_EQ(locks_held_by_me(), 0u);
    EXPECT_FALSE(g_heap.try_lock());
    EXPECT_EQ(locks_held_by_me(), 0u);
  }).join();
  g_map.unlock();
  g_heap.unlock();
  EXPECT_FALSE(g_heap.held_by_me());
  EXPECT_EQ(locks_held_by_me(), 0u);
}

TEST(Lock, wakes_a_thread_that_sleeps_on_it) {
  g_heap.lock();
  std::thread waiter([] { const LockGuard guard(g_heap); });
  usleep(20'000);  // long enough that it sleeps; if not, the test is only weaker
  g_heap.unlock();
  waiter.join();
}

TEST(Lock, a_forked_child_gets_it_free_whoever_held_it) {
  g_heap.lock();
  std::thread([] { g_map.lock(); }).join();  // held by a thread that is gone
  const pid_t child = fork();
  if (child == 0) {
    g_heap.reset_after_fork();
    g_map.reset_after_fork();
    const bool counted = locks_held_by_me() == 0;
    const bool free_now = g_heap.try_lock() && g_map.try_lock();
    _exit(counted && free_now ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  g_heap.unlock();
  g_map.reset_after_fork();
}

TEST(LockDeathTest, debug_builds_stop_at_a_broken_order) {
  if (!kDebug) GTEST_SKIP() << "checked in debug builds";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH((g_map.lock(), g_heap.lock()), "locks are taken in the order of their ranks");
  EXPECT_DEATH((g_heap.lock(), g_other_heap.lock()), "locks are taken in the order of their ranks");
  EXPECT_DEATH((g_heap.lock(), g_heap.lock()), "a thread doesn't take a lock that it holds");
  EXPECT_DEATH(g_heap.unlock(), "a lock is given up by its holder");
}

TEST(Lock, attempts_may_come_in_any_order) {
  g_map.lock();
  EXPECT_TRUE(g_heap.try_lock());
  g_heap.unlock();
  g_map.unlock();
  EXPECT_EQ(locks_held_by_me(), 0u);
}

}  // namespace
}  // namespace hak::os
