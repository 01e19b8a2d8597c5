// The queue by which other threads return blocks to a heap. Any thread posts; the owner drains, or who helps or holds
// the lock of a heap that has no thread. Used by heap/ only.
//
// The head is one word: the newest batch's first block, and how much waits, so that a poster learns of an owner that
// doesn't come.
//
//   63          44 43                          0
//   [ KiB waiting ][ address of the batch >> 4 ]      user-space addresses have at most 48 bits, blocks are 16-aligned
#pragma once

#include <atomic>

#include "base/units.h"
#include "slab/free_list.h"

namespace hak {

class Inbox {
 public:
  static constexpr uint32_t kMostKib = (1u << 20) - 1;  // more reads as this much

  /// Posts a batch of `bytes` bytes. Its blocks are the inbox's from then on. Returns how many KiB wait now.
  uint32_t post(const Batch& batch, uint64_t bytes) { return push(batch.first, bytes, batch); }

  /// Posts batches that were drained before, as they are chained, `last` being the last one.
  void post_again(Block* first, const Batch& last, uint64_t bytes) { push(first, bytes, last); }

  bool empty() const { return head_.load(std::memory_order_relaxed) == 0; }

  /// KiB that wait, each batch rounded up.
  uint32_t waiting_kib() const { return kib_of(head_.load(std::memory_order_relaxed)); }

  /// Takes all batches, newest first; unpack_batch() walks them.
  Block* drain() { return block_of(head_.exchange(0, std::memory_order_acquire)); }

  /// For statistics and diagnosis: the batches as they are now, left where they are.
  const Block* peek() const { return block_of(head_.load(std::memory_order_acquire)); }

 private:
  static constexpr unsigned kAddressBits = kPointerBits - 4;
  static Block* block_of(uint64_t head) {
    return reinterpret_cast<Block*>((head & ((uint64_t{1} << kAddressBits) - 1)) << 4);
  }
  static uint32_t kib_of(uint64_t head) { return static_cast<uint32_t>(head >> kAddressBits); }
  static uint64_t head_of(const Block* block, uint64_t kib) {
    return reinterpret_cast<uint64_t>(block) >> 4 | (kib < kMostKib ? kib : kMostKib) << kAddressBits;
  }

  // Puts a chain of batches, from that of `first` to `last`, in front.
  uint32_t push(Block* first, uint64_t bytes, const Batch& last) {
    const uint64_t more = (bytes + 1023) / 1024;
    uint64_t head = head_.load(std::memory_order_relaxed);
    uint64_t now;
    do {
      pack_batch(last, block_of(head));
      now = head_of(first, kib_of(head) + more);
    } while (!head_.compare_exchange_weak(head, now, std::memory_order_release, std::memory_order_relaxed));
    return kib_of(now);
  }

  // post   release: the batch's links are seen before its head; a failed exchange reads nothing, relaxed
  // drain  acquire, pairs with post; takes the whole chain, so a head that comes back (ABA) does no harm
  // empty  relaxed: what it misses the next refill finds
  alignas(kCacheLine) std::atomic<uint64_t> head_{0};
};

}  // namespace hak
