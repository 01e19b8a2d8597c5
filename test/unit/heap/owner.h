// What the tests of heaps and their helpers share: threads that own a heap and sleep, and heaps to be helped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "heap/allocate.h"
#include "heap/heap.h"
#include "heap/statistics.h"

namespace hak {

inline const hakmem_statistics& stats_now() {
  static hakmem_statistics stats;
  collect_statistics(&stats);
  return stats;
}

inline uint64_t live_now() { return stats_now().tiers[HAKMEM_TIER_NONE].live_blocks; }

// A thread that does a piece of work whenever it is asked to, and otherwise sleeps.
class Owner {
 public:
  void work(std::function<void()> piece) {
    piece_ = std::move(piece);
    begin_.release();
    end_.acquire();
  }
  Heap* heap() {
    Heap* heap = nullptr;
    work([&] { heap = this_heap; });
    return heap;
  }
  ~Owner() {
    piece_ = nullptr;
    begin_.release();
    thread_.join();
  }

 private:
  std::function<void()> piece_;
  std::binary_semaphore begin_{0}, end_{0};
  std::thread thread_{[this] {
    for (;;) {
      begin_.acquire();
      if (!piece_) return;
      piece_();
      end_.release();
    }
  }};
};

inline std::vector<void*> allocate_blocks(size_t count, size_t size) {
  std::vector<void*> blocks(count);
  for (void*& p : blocks) p = allocate(size);
  return blocks;
}

// 4 MiB in slabs that each keep some block.
inline std::vector<void*> allocate_and_leave_few(size_t one_in = 500) {
  std::vector<void*> few;
  std::vector<void*> blocks = allocate_blocks(40'000, 100);
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i % one_in == 0) few.push_back(blocks[i]);
    else free_fast(blocks[i]);
  }
  return few;
}

}  // namespace hak
