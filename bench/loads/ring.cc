// Producer and consumer: one thread of a pair allocates and passes the blocks through a ring, the other frees them, so
// that every free is another thread's.
// Source: Lever, Boreham, "malloc() performance in a multithreaded Linux environment", USENIX 2000; the ring is
// Lamport's queue of one producer and one consumer with cached indexes.
#include <sched.h>

#include "support/load.h"

namespace {

using namespace hak::bench;

constexpr size_t kLine = 64;

class Ring {
 public:
  explicit Ring(uint64_t slots) : slots_(slots) {}

  // The producer alone writes tail_, the consumer alone head_; release there and acquire here hand the slots over.
  void push(void* block) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (tail - seen_head_ == slots_.count()) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (tail - seen_head_ == slots_.count()) sched_yield();
    }
    slots_[tail & (slots_.count() - 1)] = block;
    tail_.store(tail + 1, std::memory_order_release);
  }

  void* pop() {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    while (head == seen_tail_) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (head == seen_tail_) sched_yield();
    }
    void* const block = slots_[head & (slots_.count() - 1)];
    head_.store(head + 1, std::memory_order_release);
    return block;
  }

 private:
  Table<void*> slots_;
  alignas(kLine) std::atomic<uint64_t> tail_{0};
  uint64_t seen_head_ = 0;  // the producer's
  alignas(kLine) std::atomic<uint64_t> head_{0};
  uint64_t seen_tail_ = 0;  // the consumer's
};

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes = {16, 512};
  uint64_t pairs = 1, slots = 4096, rounds_wanted = 0, seed = 1;
  double seconds_wanted = 1;
  Load load("ring", "producers allocate blocks and pass them through a ring to consumers, who free them");
  load.add("pairs", pairs, "pairs of a producer and a consumer");
  load.add("sizes", sizes, "sizes of the blocks");
  load.add("slots", slots, "blocks that a ring holds, a power of two");
  load.add("seconds", seconds_wanted, "how long, when no rounds are given");
  load.add("rounds", rounds_wanted, "rounds of 1000 blocks for each pair; 0: until the time is up", 0);
  load.add("seed", seed, "of the random sizes");
  load.begin(argc, argv);
  if (!std::has_single_bit(slots)) load.fail("--slots wants a power of two");

  std::vector<std::unique_ptr<Ring>> rings;
  for (uint64_t i = 0; i < pairs; i++) rings.push_back(std::make_unique<Ring>(slots));
  std::atomic<uint64_t> operations = 0;
  const double seconds = run_together(2 * pairs, [&](uint64_t thread) {
    Ring& ring = *rings[thread / 2];
    if (thread % 2 == 1) {
      while (void* const block = ring.pop()) {
        look_at(block);
        free(block);
      }
      return;
    }
    Random random(seed + thread);
    Rounds rounds(rounds_wanted, seconds_wanted);
    while (uint64_t n = rounds.next()) {
      for (; n > 0; n--) {
        void* const block = allocate(sizes.pick(random));
        *static_cast<volatile char*>(block) = 1;
        ring.push(block);
      }
    }
    ring.push(nullptr);
    operations += rounds.operations();
  });
  return load.end({.operation = "block", .operations = operations, .seconds = seconds});
}
