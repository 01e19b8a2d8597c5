// Operations on the allocation interface as values: generated from a seed, printed, read back, left out one by one
// until the shortest failing sequence is left. What an operation does depends on nothing but its own fields and the
// slot it names, so that any subset of a sequence is a sequence.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/arena.h"

namespace hak::test {

enum class Kind : uint8_t {
  // into a slot; one that is taken is left alone
  malloc,
  calloc,
  memalign,
  aligned_alloc,
  posix_memalign,
  valloc,
  pvalloc,
  new_plain,
  new_array,
  new_nothrow,
  new_aligned,
  absurd,  // a size that nobody can serve, through a function chosen by `align`: must be refused
  // of a slot's block; an empty slot is left alone, unless said otherwise
  realloc,  // an empty slot: realloc(NULL, size)
  reallocarray,
  free_plain,  // by free() or the delete that fits
  free_sized,  // by the sized form that fits
  fill_run,    // malloc into `align` slots from this one on
  free_run,    // free every `size`-th of `align` slots from this one on
  check,       // contents and hakmem_block_info
  // between threads
  give,   // the slot's block into the mailbox of thread `size`
  take,   // a block from the own mailbox into the slot; a taken slot: free the block instead
  leave,  // the slot's block to this thread's exit: freed in a destructor of thread-specific data
  // of the process
  trim,          // malloc_trim
  statistics,    // hakmem_stats, mallinfo2, malloc_info while others work
  fork_now,      // a child checks and frees this thread's blocks, allocates, ends
  fork_at_rest,  // thread 0, at the end of the phase: a child frees everybody's blocks and must count none
};

struct Operation {
  uint16_t round, phase, thread;
  Kind kind;
  uint32_t slot;
  uint64_t size, align;
};

/// Threads 0 to threads-1 work; 0 is the main thread. A round begins and ends its other threads; between its phases all
/// stop and everything is compared with the oracle. Blocks stay in their slots from round to round.
struct Program {
  uint32_t threads = 1, slots = 256, rounds = 1, phases = 1;
  bool null_allowed = false;  // memory may be refused: HAKMEM_FAULT
  ArenaVector<Operation> operations;
};

/// The program of a seed; the same on every machine.
Program generate(uint64_t seed);

/// One line per operation, after one for the program.
void print(FILE* file, const Program& program);
void print(FILE* file, const Operation& operation);

/// Reads what print() wrote. Returns false where it isn't that.
bool read(FILE* file, Program& program);

}  // namespace hak::test
