// Contents: calloc gives zeros whatever lay there before, realloc keeps what was written, all of the usable size may
// be written, and blocks of size zero are blocks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "contract/functions.h"
#include "support/allocator.h"
#include "support/pattern.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

constexpr int kUntouched = 7777;

// Writes so much that a block that is handed out again is surely dirty, but not 32 MiB of it each time.
void make_dirty(void* block, size_t n) {
  if (n <= kMiB) {
    memset(block, 0xa5, n);
    return;
  }
  for (size_t at = 0; at + 8 <= n; at += 4096) memset(static_cast<char*>(block) + at, 0xa5, 8);
  memset(static_cast<char*>(block) + n - 64, 0xa5, 64);
}

bool reads_zero(const void* block, size_t n) {
  if (n <= 4 * kMiB) return find_nonzero(block, n) == kPatternKept;
  const char* const at = static_cast<const char*>(block);
  for (size_t page = 0; page + 8 <= n; page += 4096)
    if (find_nonzero(at + page, 8) != kPatternKept) return false;
  return find_nonzero(at + n - 64, 64) == kPatternKept;
}

TEST(Calloc, is_zero_after_dirty_reuse_at_every_size) {
  for (size_t n : edge_sizes(32 * kMiB)) {
    const size_t count = n <= 1024 ? 40 : n <= 64 * kKiB ? 6 : 2;
    std::vector<void*> blocks(count);
    for (void*& block : blocks) {
      block = malloc(n);
      ASSERT_NE(block, nullptr);
      make_dirty(block, malloc_usable_size(block));
    }
    for (void* block : blocks) free(block);
    for (void*& block : blocks) {
      block = calloc(1, n);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(reads_zero(block, n)) << n;
      make_dirty(block, n);
    }
    for (void* block : blocks) free(block);
  }
}

TEST(Calloc, is_zero_where_memory_of_other_sizes_was_dirtied) {
  for (int round = 0; round < 3; round++) {
    for (size_t n : tier_sizes(8 * kMiB)) {
      void* const block = malloc(n);
      make_dirty(block, malloc_usable_size(block));
      free(block);
    }
    malloc_trim(0);
    for (size_t n : tier_sizes(8 * kMiB)) {
      void* const block = calloc(n == 0 ? 0 : (n + 7) / 8, 8);
      ASSERT_NE(block, nullptr);
      ASSERT_TRUE(reads_zero(block, (n + 7) / 8 * 8)) << n;
      make_dirty(block, malloc_usable_size(block));
      free(block);
    }
  }
}

TEST(Calloc, is_zero_after_a_block_was_grown_or_shrunk_and_freed) {
  for (size_t from : tier_sizes(8 * kMiB))
    for (size_t to : {size_t{100}, size_t{5000}, size_t{100000}, 2 * kMiB}) {
      void* block = realloc(malloc(from), to);
      ASSERT_NE(block, nullptr);
      make_dirty(block, malloc_usable_size(block));
      free(block);
      block = calloc(1, to);
      ASSERT_TRUE(reads_zero(block, to)) << from << " to " << to;
      make_dirty(block, to);
      free(block);
    }
}

TEST(Realloc, keeps_contents_between_all_pairs_of_sizes) {
  const std::vector<size_t> sizes = tier_sizes(32 * kMiB);
  uint64_t number = 1;
  for (size_t from : sizes)
    for (size_t to : sizes) {
      void* block = malloc(from);
      ASSERT_NE(block, nullptr);
      fill_pattern(block, from, ++number);
      void* const other = realloc(block, opaque(to));
      if (to == 0) {
        ASSERT_EQ(other, nullptr);
        continue;
      }
      ASSERT_NE(other, nullptr);
      ASSERT_GE(malloc_usable_size(other), to);
      ASSERT_EQ(find_broken_pattern(other, from, number, std::min(from, to)), kPatternKept) << from << " to " << to;
      static_cast<char*>(other)[to - 1] = 1;
      free(other);
    }
}

TEST(Realloc, keeps_contents_while_a_block_grows_and_shrinks_in_small_steps) {
  for (size_t step : {size_t{1}, size_t{16}, size_t{250}, size_t{4096}, size_t{70000}}) {
    const size_t most = std::min(step * 400, 12 * kMiB);
    char* block = static_cast<char*>(malloc(1));
    ASSERT_NE(block, nullptr);
    size_t size = 1;
    block[0] = 0;
    const auto mark = [](size_t i) { return static_cast<char>(i * 31 % 251); };
    while (size < most) {
      const size_t wanted = size + step;
      block = static_cast<char*>(realloc(block, wanted));
      ASSERT_NE(block, nullptr);
      for (size_t i = size; i < wanted; i++) block[i] = mark(i);
      size = wanted;
      ASSERT_EQ(block[size / 2], mark(size / 2));
    }
    for (size_t i = 0; i < size; i++) ASSERT_EQ(block[i], mark(i)) << step << ", " << i;
    while (size > step) {
      size -= step;
      block = static_cast<char*>(realloc(block, size));
      ASSERT_NE(block, nullptr);
      ASSERT_EQ(block[size - 1], mark(size - 1)) << step << ", " << size;
      ASSERT_EQ(block[0], 0);
    }
    free(block);
  }
}

TEST(Realloc, many_blocks_growing_side_by_side_keep_their_contents) {
  constexpr size_t kCount = 40;
  std::vector<void*> blocks(kCount, nullptr);
  std::vector<size_t> sizes(kCount, 0);
  for (size_t n : tier_sizes(3 * kMiB)) {
    if (n == 0) continue;
    for (size_t i = 0; i < kCount; i++) {
      const size_t wanted = n + i * 16;
      blocks[i] = realloc(blocks[i], wanted);
      ASSERT_NE(blocks[i], nullptr);
      if (sizes[i] > 0) {
        ASSERT_EQ(find_broken_pattern(blocks[i], sizes[i], i + sizes[i], std::min(sizes[i], wanted)), kPatternKept);
      }
      sizes[i] = wanted;
      fill_pattern(blocks[i], wanted, i + wanted);
    }
  }
  for (size_t i = 0; i < kCount; i++) {
    EXPECT_EQ(find_broken_pattern(blocks[i], sizes[i], i + sizes[i], sizes[i]), kPatternKept);
    free(blocks[i]);
  }
}

TEST(Realloc, of_null_is_malloc) {
  for (size_t n : tier_sizes(5 * kMiB)) {
    void* const block = realloc(nullptr, n);
    ASSERT_NE(block, nullptr) << n;
    EXPECT_GE(malloc_usable_size(block), n);
    free(block);
  }
}

TEST(Realloc, to_zero_frees_and_gives_null_without_an_error) {
  for (size_t n : tier_sizes(5 * kMiB))
    for (int way = 0; way < 3; way++) {
      void* const block = malloc(n);
      ASSERT_NE(block, nullptr);
      errno = kUntouched;
      void* const result = way == 0   ? realloc(block, opaque(size_t{0}))
                           : way == 1 ? reallocarray(block, opaque(size_t{0}), 8)
                                      : reallocarray(block, 8, opaque(size_t{0}));
      EXPECT_EQ(result, nullptr) << n;
      EXPECT_EQ(errno, kUntouched) << n;
    }
}

TEST(Realloc, to_zero_really_frees) {
  if (!is_hakmem()) GTEST_SKIP() << "needs hakmem's counters";
  hakmem_statistics before, after;
  hakmem()->stats(&before, sizeof before);
  for (size_t n : tier_sizes(5 * kMiB)) EXPECT_EQ(realloc(malloc(n), opaque(size_t{0})), nullptr);
  hakmem()->stats(&after, sizeof after);
  EXPECT_EQ(after.tiers[0].live_blocks, before.tiers[0].live_blocks);
  EXPECT_GT(after.tiers[0].frees, before.tiers[0].frees);
}

TEST(UsableSize, is_at_least_what_was_asked_and_all_of_it_may_be_written) {
  for (const Function& f : kCFunctions) {
    if (f.alignment > kMiB) continue;
    for (size_t n : {size_t{0}, size_t{1}, size_t{17}, size_t{100}, size_t{1000}, size_t{5000}, size_t{50000},
                     size_t{100000}, 2 * kMiB}) {
      constexpr size_t kCount = 12;
      void* blocks[kCount];
      size_t usable[kCount];
      for (size_t i = 0; i < kCount; i++) {
        blocks[i] = f.allocate(n);
        ASSERT_NE(blocks[i], nullptr) << f.name << ", " << n;
        usable[i] = malloc_usable_size(blocks[i]);
        ASSERT_GE(usable[i], n) << f.name;
        memset(blocks[i], static_cast<int>(i + 1), usable[i]);
      }
      for (size_t i = 0; i < kCount; i++) {
        const char* const at = static_cast<const char*>(blocks[i]);
        for (size_t k = 0; k < usable[i]; k++)
          ASSERT_EQ(at[k], static_cast<char>(i + 1)) << f.name << ", " << n << " at " << k;
        ASSERT_EQ(malloc_usable_size(blocks[i]), usable[i]);
        free(blocks[i]);
      }
    }
  }
}

TEST(UsableSize, of_null_is_zero) { EXPECT_EQ(malloc_usable_size(nullptr), 0u); }

TEST(UsableSize, is_kept_whole_by_realloc) {  // programs write to all of it, then grow
  for (size_t n : tier_sizes(3 * kMiB)) {
    void* block = malloc(n);
    const size_t usable = malloc_usable_size(block);
    fill_pattern(block, usable, n);
    block = realloc(block, usable * 2 + 100);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(find_broken_pattern(block, usable, n, usable), kPatternKept) << n;
    free(block);
  }
}

TEST(UsableSize, good_size_tells_it_beforehand) {
  if (!is_hakmem()) GTEST_SKIP() << "hakmem's own";
  for (size_t n : edge_sizes(16 * kMiB)) {
    void* const block = malloc(n);
    EXPECT_EQ(hakmem()->good_size(n), malloc_usable_size(block)) << n;
    free(block);
  }
}

// Of the classes; spans are whole units, of which what isn't touched costs nothing.
TEST(UsableSize, wastes_at_most_an_eighth_above_128_bytes) {
  if (!is_hakmem()) GTEST_SKIP() << "hakmem's own promise";
  for (size_t n : edge_sizes(16 * kMiB)) {
    if (n <= 128) continue;
    void* const block = malloc(n);
    const size_t usable = malloc_usable_size(block);
    if (n <= 61440) EXPECT_LE((usable - n) * 8, usable) << n << " in " << usable;
    else EXPECT_LE(usable - n, n <= kMiB ? 64 * kKiB : n / 8 + 64 * kKiB) << n << " in " << usable;
    free(block);
  }
}

TEST(ZeroSize, blocks_are_unique_and_can_be_freed) {
  std::set<void*> seen;
  for (int i = 0; i < 200; i++)
    for (const Function& f : kCFunctions) {
      if (f.alignment > 4096 && i > 2) continue;
      void* const block = f.allocate(opaque(size_t{0}));
      ASSERT_NE(block, nullptr) << f.name;
      EXPECT_TRUE(seen.insert(block).second) << f.name;
    }
  for (void* block : {calloc(0, 100), calloc(100, 0), reallocarray(nullptr, 0, 100), reallocarray(nullptr, 100, 0)}) {
    ASSERT_NE(block, nullptr);
    EXPECT_TRUE(seen.insert(block).second);
  }
  for (void* block : seen) free(block);
}

TEST(ZeroSize, new_gives_unique_blocks) {
  for (const NewFunction& f : kNewFunctions) {
    std::set<void*> seen;
    for (int i = 0; i < 100; i++) {
      void* const block = f.allocate(0);
      ASSERT_NE(block, nullptr) << f.name;
      EXPECT_TRUE(seen.insert(block).second) << f.name;
    }
    bool sized = false;
    for (void* block : seen) ((sized = !sized) ? f.release_sized : f.release)(block, 0);
  }
}

TEST(ZeroSize, blocks_grow) {
  void* block = malloc(0);
  for (size_t n : tier_sizes(3 * kMiB)) {
    if (n == 0) continue;
    block = realloc(block, n);
    ASSERT_NE(block, nullptr);
    static_cast<char*>(block)[n - 1] = 1;
  }
  free(block);
}

}  // namespace
}  // namespace hak::test
