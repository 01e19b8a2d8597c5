// What must be true: every block that was handed out and not given back, kept outside of the allocator's memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/arena.h"
#include "model/functions.h"

namespace hak::test {

struct Block {
  char* at;  // null: none
  size_t size, usable, alignment;
  uint64_t number;  // of its contents' pattern
  Family family;
};

/// Ends the process after saying what was wrong; the operation under way is named too (see apply.cc).
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char* what, ...);

/// Is the block what the allocator promised? Contents, alignment, usable size, hakmem_block_info at its start and
/// inside.
void check_contents(const Block& block);
void check_promises(const Block& block);

/// Blocks that live at the same time, exactly: for one thread.
class Intervals {
 public:
  void insert(const Block& block);
  void erase(const Block& block);

 private:
  ArenaMap<uintptr_t, uintptr_t> ends_;  // by their begin
};

/// The state of all counters at one moment at which no thread allocates.
class Counters {
 public:
  /// What was live, and what was counted, before the model began: libc's and the C++ library's blocks.
  void remember_start();

  /// Compares every counter with the blocks that live now and the calls so far; and the equations of hakmem.h and
  /// docs/design.md, §10.
  void check(const ArenaVector<Block>& live);

 private:
  void check_live(const ArenaVector<Block>& live) const;
  void check_calls() const;
  void check_memory() const;

  hakmem_statistics start_, now_;
  Calls calls_at_start_[HAKMEM_CLASSES_MAX];
};

/// Do these overlap? At a moment at which no thread allocates; sorts them.
void check_overlap(ArenaVector<Block>& live);

}  // namespace hak::test
