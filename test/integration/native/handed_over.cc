// Blocks wander from producers to consumers through a ring, and are resized on the way: each is made by one thread,
// grown or shrunk by a second, freed by a third.
#include <atomic>
#include <thread>
#include <vector>

#include "block.h"

namespace {

constexpr int kPairs = 2, kBlocks = 60'000, kRing = 1024;

struct Ring {  // one producer, one consumer
  std::atomic<Block*> cells[kRing] = {};
  void put(std::size_t at, Block* block) {
    while (cells[at % kRing].load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
    cells[at % kRing].store(block, std::memory_order_release);
  }
  Block* take(std::size_t at) {
    Block* block;
    while ((block = cells[at % kRing].exchange(nullptr, std::memory_order_acquire)) == nullptr)
      std::this_thread::yield();
    return block;
  }
};

void produce(Ring& out, uint64_t state) {
  for (int i = 0; i < kBlocks; i++) out.put(i, random_block(&state));
}

void resize(Ring& in, Ring& out, uint64_t state) {
  for (int i = 0; i < kBlocks; i++) {
    Block* block = in.take(i);
    check_block(block);
    const std::size_t seed = block->seed;
    if (i % 3 == 0) {
      const std::size_t size = i % 2 == 0 ? random_size(&state) : block->size + block->size / 3;
      block = become_block(realloc(block, size), size, seed);
    }
    out.put(i, block);
  }
}

void consume(Ring& in) {
  for (int i = 0; i < kBlocks; i++) take_apart(in.take(i));
}

}  // namespace

int main() {
  static Ring made[kPairs], resized[kPairs];
  std::vector<std::thread> threads;
  for (int i = 0; i < kPairs; i++) {
    threads.emplace_back(produce, std::ref(made[i]), i + 1);
    threads.emplace_back(resize, std::ref(made[i]), std::ref(resized[i]), i + 11);
    threads.emplace_back(consume, std::ref(resized[i]));
  }
  for (std::thread& thread : threads) thread.join();
  printf("%d blocks passed through three hands\n", kPairs * kBlocks);
}
