/* Blocks that know what they must contain, for the programs of this folder, in C and in C++.
 *
 *   [ size | seed | seed's byte, everywhere (or, in a big block, at both ends and in each page) ]
 *
 * A program makes blocks of mixed sizes in one place and takes them apart in another; a block that was handed out
 * twice, cut short or written to by the allocator is found when it is taken apart.
 */
#ifndef HAKMEM_TEST_INTEGRATION_BLOCK_H
#define HAKMEM_TEST_INTEGRATION_BLOCK_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the process without running any handler: also right in a forked child and in a destructor. */
#define CHECK(condition)                                                                   \
  do {                                                                                     \
    if (!(condition)) {                                                                    \
      dprintf(2, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
      _exit(1);                                                                            \
    }                                                                                      \
  } while (0)

typedef struct Block {
  size_t size;
  size_t seed;
} Block;

enum { kWholePattern = 2048, kEnds = 64, kPage = 4096 };

static inline uint32_t next_random(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

/* 16 bytes to 3 MiB, most of them small: of 256 blocks 230 to 1 KiB, 22 to 32 KiB, 3 to 512 KiB, 1 above. */
static inline size_t random_size(uint64_t* state) {
  const uint32_t choice = next_random(state) % 256;
  const uint32_t r = next_random(state);
  if (choice < 230) return sizeof(Block) + r % 1009;
  if (choice < 252) return sizeof(Block) + r % (32u << 10);
  if (choice < 255) return sizeof(Block) + r % (512u << 10);
  return sizeof(Block) + r % (3u << 20);
}

/* Writes the pattern, or says whether it is still there. A big block carries it at its ends and at each page. */
static inline int pattern(Block* block, int write) {
  unsigned char* const bytes = (unsigned char*)block;
  const unsigned char value = (unsigned char)(block->seed | 1);
  const size_t size = block->size;
  for (size_t at = sizeof(Block); at < size; at++) {
    const int sparse = size > kWholePattern && at >= kEnds && at < size - kEnds;
    if (sparse && at % kPage != 0) {
      const size_t next_page = (at / kPage + 1) * kPage;
      at = (next_page < size - kEnds ? next_page : size - kEnds) - 1;
      continue;
    }
    if (write) bytes[at] = value;
    else if (bytes[at] != value) return 0;
  }
  return 1;
}

/* Makes a block of memory that came from any allocation function into one that knows itself. */
static inline Block* become_block(void* memory, size_t size, size_t seed) {
  CHECK(memory != NULL);
  CHECK((uintptr_t)memory % 16 == 0);
  CHECK(size >= sizeof(Block));
  Block* const block = (Block*)memory;
  block->size = size;
  block->seed = seed;
  pattern(block, 1);
  return block;
}

static inline Block* make_block(size_t size, size_t seed) { return become_block(malloc(size), size, seed); }

static inline Block* random_block(uint64_t* state) {
  const size_t size = random_size(state);
  return make_block(size, next_random(state));
}

/* A block that is intact; null is intact too. */
static inline void check_block(Block* block) {
  if (block == NULL) return;
  CHECK(block->size >= sizeof(Block) && block->size <= (64u << 20));
  CHECK(pattern(block, 0));
}

static inline void take_apart(Block* block) {
  check_block(block);
  free(block);
}

/* Makes, resizes and takes apart `count` blocks, with at most 64 alive at a time. */
static inline void churn(uint64_t seed, int count) {
  enum { kAlive = 64 };
  Block* alive[kAlive];
  memset(alive, 0, sizeof alive);
  uint64_t state = seed * 2654435761u + 1;
  for (int i = 0; i < count; i++) {
    Block** const slot = &alive[next_random(&state) % kAlive];
    if (*slot != NULL && next_random(&state) % 8 == 0) {
      check_block(*slot);
      const size_t size = random_size(&state);
      const size_t block_seed = (*slot)->seed;
      *slot = become_block(realloc(*slot, size), size, block_seed);
    } else {
      take_apart(*slot);
      *slot = random_block(&state);
    }
  }
  for (int i = 0; i < kAlive; i++) take_apart(alive[i]);
}

#endif
