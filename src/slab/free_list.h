// Free blocks: a singly linked list through their first words; and batches, the form in which threads hand each other
// lists. Used by slab/ and heap/. A block has at least 16 bytes, so two words.
//
//   a list     block: [ next ][ mark ]
//   a batch    first block: [ next | last << 48 ][ next batch | count << 48 ], the others as in a list
//              last: the last block's offset in the slab, in granules of 16 bytes; count: blocks
//
// The mark is the address of the block's slab, written when its owner frees it and cleared when malloc hands it out. A
// block that is freed and bears the mark is probably free already: the slow path looks for it on the lists.
//
// All blocks of a batch are of one slab. With its last block and its count known, a batch joins the slab's list
// without a walk. User-space addresses have at most 48 bits.
#pragma once

#include <cstdint>

namespace hak {

struct Block {
  Block* next;
  uint64_t mark;
};
static_assert(sizeof(Block) == 16);

struct Batch {
  Block* first = nullptr;
  uint32_t last_granule = 0;
  uint32_t count = 0;
};

constexpr unsigned kPointerBits = 48;
constexpr uint64_t kPointerMask = (uint64_t{1} << kPointerBits) - 1;

inline Block* unpack_block(uint64_t word) { return reinterpret_cast<Block*>(word & kPointerMask); }

/// Writes the batch's facts into its first block and chains it before `next_batch`. The blocks are the caller's.
inline void pack_batch(const Batch& batch, Block* next_batch) {
  const uint64_t next = reinterpret_cast<uint64_t>(batch.first->next) & kPointerMask;
  batch.first->next = reinterpret_cast<Block*>(next | uint64_t{batch.last_granule} << kPointerBits);
  batch.first->mark = reinterpret_cast<uint64_t>(next_batch) | uint64_t{batch.count} << kPointerBits;
}

/// Reads them, and tells the next batch.
inline Batch read_batch(Block* first, Block** next_batch) {
  *next_batch = unpack_block(first->mark);
  return {first, static_cast<uint32_t>(reinterpret_cast<uint64_t>(first->next) >> kPointerBits),
          static_cast<uint32_t>(first->mark >> kPointerBits)};
}

/// As read_batch(), and makes the blocks a plain list again.
inline Batch unpack_batch(Block* first, Block** next_batch) {
  const Batch batch = read_batch(first, next_batch);
  first->next = unpack_block(reinterpret_cast<uint64_t>(first->next));
  return batch;
}

}  // namespace hak
