// The lock: a futex that spins a little, knows its holder and its place in the order in which locks are taken.
// Called by all layers above os/. Must not allocate; needs no constructor call at start-up.
//
// state: 0 free, 1 held, 2 held and perhaps somebody waits. At 2 the holder's unlock wakes one waiter.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace hak::os {

/// Locks are taken in this order, first to last; a thread that holds one may take only later ones.
enum class Rank : uint8_t { tick, registry, heap, shared_heap, large, map, output };
constexpr unsigned kRanks = static_cast<unsigned>(Rank::output) + 1;

/// The calling thread's identity: its TLS block. Unlike gettid(2) it costs one instruction and survives fork.
inline const void* this_thread() {
#if defined(__x86_64__)
  const void* self;
  __asm__("mov %%fs:0, %0" : "=r"(self));  // clang 14 has no __builtin_thread_pointer for x86
  return self;
#else
  return __builtin_thread_pointer();
#endif
}

// Read and written by the thread itself and by signal handlers on it. Counted before a lock is taken and after it is
// given up, so that a handler never sees a lock held that isn't counted.
struct HeldLocks {
  uint32_t all;
  uint8_t by_rank[kRanks];  // kept in debug builds only
};
extern constinit thread_local HeldLocks t_held;

/// How many locks this thread holds or is about to hold. 0 in a signal handler or in a fork handler says: no
/// critical section of ours was interrupted. All builds.
inline uint32_t locks_held_by_me() { return t_held.all; }

class Lock {
 public:
  // Zero but in debug builds: tables of locks are in .bss then, and their pages cost nothing until they are used.
  constexpr explicit Lock(Rank rank) : rank_(kDebug ? rank : Rank{}) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Takes the lock, waiting for it. Debug builds stop at a lock that the thread holds already, and at one whose
  /// rank isn't above those of all it holds. Keeps errno.
  void lock() {
    check_order();
    take();
  }

  /// Takes the lock if it is free; true if it was. Out of order is fine: nobody waits.
  bool try_lock() {
    begin_hold();
    uint32_t expected = 0;
    // acquire pairs with unlock's release; a failed attempt reads nothing, relaxed.
    if (state_.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed)) {
      holder_.store(this_thread(), std::memory_order_relaxed);
      return true;
    }
    end_hold();
    return false;
  }

  /// Gives the lock up. Only by its holder (checked in debug builds). Keeps errno.
  void unlock() {
    check_mine();
    holder_.store(nullptr, std::memory_order_relaxed);
    // release: the critical section is seen by the next holder's acquire.
    if (state_.exchange(0, std::memory_order_release) == 2) [[unlikely]]
      wake();
    end_hold();
  }

  /// Whether the calling thread holds it. In a signal handler that interrupted the few instructions of taking it or
  /// giving it up this may be false although it is held: ask locks_held_by_me() there.
  bool held_by_me() const { return holder_.load(std::memory_order_relaxed) == this_thread(); }

  /// Whether somebody waits for it, as of this moment: for a holder that could do the rest later.
  bool is_wanted() const { return state_.load(std::memory_order_relaxed) == 2; }

  /// In the child of fork(2): free, whoever held it in the parent. No other thread may exist.
  void reset_after_fork();

  /// Whether another thread holds it, as of this moment: in the child of fork(2), one that is gone.
  bool held_by_another() const { return state_.load(std::memory_order_relaxed) != 0 && !held_by_me(); }

 private:
  void take() {
    begin_hold();
    uint32_t expected = 0;
    // acquire pairs with unlock's release; a failed attempt reads nothing, relaxed.
    if (!state_.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]]
      wait();
    holder_.store(this_thread(), std::memory_order_relaxed);
  }

  void check_order() const;
  void check_mine() const;
  void begin_hold();
  void end_hold();
  [[gnu::cold]] void wait();
  [[gnu::cold]] void wake();

  // Any thread writes both. state_: see above. holder_ is written only by the holder, so that a thread that finds
  // itself there holds the lock; all others only learn that they don't, relaxed suffices.
  std::atomic<uint32_t> state_{0};
  const Rank rank_;  // of debug builds
  std::atomic<const void*> holder_{nullptr};
};
static_assert(sizeof(Lock) == 16);

/// Holds a lock for a scope: `const LockGuard guard(lock);`.
class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.lock(); }
  ~LockGuard() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

inline void Lock::begin_hold() {
  ++t_held.all;
  if constexpr (kDebug) ++t_held.by_rank[static_cast<unsigned>(rank_)];
  // A signal handler on this thread sees the count no later than the lock.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

inline void Lock::end_hold() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  --t_held.all;
  if constexpr (kDebug) --t_held.by_rank[static_cast<unsigned>(rank_)];
}

inline void Lock::check_order() const {
  if constexpr (kDebug) {
    debug_check(!held_by_me(), "a thread doesn't take a lock that it holds");
    for (unsigned rank = static_cast<unsigned>(rank_); rank < kRanks; ++rank)
      debug_check(t_held.by_rank[rank] == 0, "locks are taken in the order of their ranks");
  }
}

inline void Lock::check_mine() const {
  if constexpr (kDebug) debug_check(held_by_me(), "a lock is given up by its holder");
}

}  // namespace hak::os
