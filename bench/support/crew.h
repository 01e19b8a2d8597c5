// Threads that outlive a piece of work: between two pieces they sleep, as a server's do, and what the allocator keeps
// for them stays theirs.
#pragma once

#include <semaphore>

#include "support/load.h"

namespace hak::bench {

/// A thread that does one piece of work after another and sleeps in between. One other thread gives it work.
class Worker {
 public:
  explicit Worker(uint64_t index) : index_(index), thread_([this] { live(); }) {}
  ~Worker() {
    work_ = nullptr;
    given_.release();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Lets the thread call work(index). The work has to be there until wait() returns.
  template <class Work>
  void begin(Work& work) {
    work_ = &work;
    call_ = [](void* one, uint64_t index) { (*static_cast<Work*>(one))(index); };
    given_.release();
  }

  /// Returns when the work is done.
  void wait() { done_.acquire(); }

 private:
  void live() {
    for (given_.acquire(); work_ != nullptr; given_.acquire()) {
      call_(work_, index_);
      done_.release();
    }
  }

  // A pointer to a function and not std::function, which may allocate. Handed over by given_; null: that was all.
  void* work_ = nullptr;
  void (*call_)(void*, uint64_t) = nullptr;
  std::binary_semaphore given_{0}, done_{0};
  uint64_t index_;
  std::thread thread_;  // the last: it begins when all else is there
};

/// So many workers that go from phase to phase together; main can look at the memory between two phases, while they
/// sleep. As with run_together, one thread is the calling one. What the ends of threads cost is in no phase.
class Crew {
 public:
  explicit Crew(uint64_t threads) {
    for (uint64_t i = 0; threads > 1 && i < threads; i++) workers_.push_back(std::make_unique<Worker>(i));
  }

  /// Runs work(0) ... work(threads - 1), one in each thread, and returns the seconds until the last was done.
  template <class Work>
  double run(Work work) {
    const uint64_t begin = now_ns();
    if (workers_.empty()) work(uint64_t{0});
    for (auto& worker : workers_) worker->begin(work);
    for (auto& worker : workers_) worker->wait();
    return seconds_since(begin);
  }

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace hak::bench
