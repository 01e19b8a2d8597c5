// hakmem_block_info: what any pointer is, asked without following it.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "support/allocator.h"
#include "support/opaque.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

hakmem_block info(const void* p) { return hakmem()->block_info(p); }

char g_static[100];

uint32_t tier_of(size_t usable) {
  if (usable <= 1024) return HAKMEM_TIER_TINY;
  if (usable < 64 * kKiB) return HAKMEM_TIER_MID;
  return usable <= kMiB ? HAKMEM_TIER_LARGE : HAKMEM_TIER_BIG;
}

void expect_live(const void* p, const void* start, size_t usable) {
  const hakmem_block b = info(p);
  EXPECT_EQ(b.state, HAKMEM_BLOCK_LIVE) << usable;
  EXPECT_EQ(b.start, start) << usable;
  EXPECT_EQ(b.usable_size, usable);
  EXPECT_EQ(b.tier, tier_of(usable)) << usable;
  EXPECT_EQ(b.interior, p != start) << usable;
}

class BlockInfo : public testing::Test {
  void SetUp() override {
    if (!is_hakmem()) GTEST_SKIP() << "hakmem's own";
  }
};

TEST_F(BlockInfo, a_live_block_is_live_with_its_size_and_tier) {
  for (size_t n : tier_sizes(32 * kMiB)) {
    char* const block = static_cast<char*>(malloc(n));
    const size_t usable = malloc_usable_size(block);
    expect_live(block, block, usable);
    hakmem_statistics stats;
    hakmem()->stats(&stats, sizeof stats);
    const hakmem_block b = info(block);
    ASSERT_LT(b.size_class, stats.class_count);
    EXPECT_EQ(stats.classes[b.size_class].tier, b.tier);
    EXPECT_GE(stats.classes[b.size_class].block_size, usable);
    EXPECT_GE(stats.classes[b.size_class].live_blocks, 1u);
    free(block);
  }
}

TEST_F(BlockInfo, a_pointer_into_a_block_knows_where_the_block_begins) {
  for (size_t n : tier_sizes(32 * kMiB)) {
    char* const block = static_cast<char*>(malloc(n));
    const size_t usable = malloc_usable_size(block);
    for (size_t inside : {size_t{1}, size_t{15}, usable / 3, usable / 2, usable - 1})
      expect_live(block + inside, block, usable);
    free(block);
  }
}

TEST_F(BlockInfo, a_freed_block_is_free_or_unused) {
  for (size_t n : tier_sizes(32 * kMiB)) {
    void* const neighbour = malloc(n);
    void* const block = malloc(n);
    free(opaque(block));
    const hakmem_block b = info(block);
    EXPECT_TRUE(b.state == HAKMEM_BLOCK_FREE || b.state == HAKMEM_BLOCK_UNUSED) << n << ": " << b.state;
    expect_live(neighbour, neighbour, malloc_usable_size(neighbour));
    free(neighbour);
  }
}

TEST_F(BlockInfo, a_freed_tiny_block_beside_live_ones_is_free) {
  void* blocks[20];
  for (void*& block : blocks) block = malloc(64);
  free(opaque(blocks[10]));
  const hakmem_block b = info(blocks[10]);
  EXPECT_EQ(b.state, HAKMEM_BLOCK_FREE);
  EXPECT_EQ(b.start, blocks[10]);
  EXPECT_EQ(b.usable_size, 64u);
  for (int i = 0; i < 20; i++) {
    if (i == 10) continue;
    EXPECT_EQ(info(blocks[i]).state, HAKMEM_BLOCK_LIVE);
    free(blocks[i]);
  }
}

TEST_F(BlockInfo, a_block_freed_by_another_thread_is_free) {
  for (size_t n : {size_t{64}, size_t{5000}, size_t{300000}, 3 * kMiB}) {
    void* const neighbour = malloc(n);
    void* const block = malloc(n);
    std::thread([block] { free(block); }).join();
    const hakmem_block b = info(block);
    EXPECT_TRUE(b.state == HAKMEM_BLOCK_FREE || b.state == HAKMEM_BLOCK_UNUSED) << n << ": " << b.state;
    free(neighbour);
  }
}

TEST_F(BlockInfo, a_block_in_another_threads_outbox_is_free) {
  std::vector<void*> blocks(10);
  for (void*& block : blocks) block = malloc(64);
  std::thread([&] {
    free(blocks[3]);
    EXPECT_EQ(info(blocks[3]).state, HAKMEM_BLOCK_FREE);
    EXPECT_EQ(info(blocks[4]).state, HAKMEM_BLOCK_LIVE);
  }).join();
  for (size_t i = 0; i < blocks.size(); i++)
    if (i != 3) free(blocks[i]);
}

TEST_F(BlockInfo, what_is_not_hakmems_is_foreign) {
  char local = 0;
  void* const mapping = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (const void* p :
       {static_cast<const void*>(nullptr), static_cast<const void*>(&local), static_cast<const void*>(g_static),
        static_cast<const void*>(mapping), reinterpret_cast<const void*>(&tier_of),
        reinterpret_cast<const void*>(opaque(uintptr_t{16})), reinterpret_cast<const void*>(opaque(UINTPTR_MAX)),
        reinterpret_cast<const void*>(opaque(uintptr_t{1} << 63)),
        reinterpret_cast<const void*>(opaque(uintptr_t{0xdeadbeefdeadbeef}))}) {
    const hakmem_block b = info(p);
    EXPECT_EQ(b.state, HAKMEM_BLOCK_FOREIGN) << p;
    EXPECT_EQ(b.start, nullptr) << p;
    EXPECT_EQ(b.usable_size, 0u) << p;
    EXPECT_EQ(b.tier, HAKMEM_TIER_NONE) << p;
    EXPECT_EQ(b.interior, 0u) << p;
  }
  munmap(mapping, 4096);
}

TEST_F(BlockInfo, what_was_never_handed_out_is_unused) {
  char* const block = static_cast<char*>(malloc(300000));
  int unused = 0;
  for (size_t far = size_t{1} << 16; far <= size_t{4} << 30; far *= 2) {
    const hakmem_block b = info(block + far);
    if (b.state != HAKMEM_BLOCK_UNUSED) continue;  // where the window doesn't reach yet: foreign
    EXPECT_EQ(b.start, nullptr);
    EXPECT_EQ(b.usable_size, 0u);
    unused++;
  }
  EXPECT_GT(unused, 0);
  free(block);
}

TEST_F(BlockInfo, any_address_around_blocks_may_be_asked) {
  std::vector<char*> blocks;
  for (size_t n : tier_sizes(3 * kMiB)) blocks.push_back(static_cast<char*>(malloc(n)));
  for (const char* block : blocks)
    for (ptrdiff_t distance = -200'000; distance < 4'000'000; distance += 1009) {
      const hakmem_block b = info(block + distance);
      ASSERT_LE(b.state, static_cast<uint32_t>(HAKMEM_BLOCK_LIVE));
      if (b.state != HAKMEM_BLOCK_LIVE) continue;
      ASSERT_LE(static_cast<char*>(b.start), block + distance);
      ASSERT_GT(static_cast<char*>(b.start) + b.usable_size, block + distance);
    }
  for (char* block : blocks) free(block);
}

TEST_F(BlockInfo, the_site_of_large_and_big_blocks_is_the_caller_where_known) {
  for (size_t n : {size_t{300000}, 3 * kMiB}) {
    void* const block = malloc(n);
    const void* const site = info(block).site;
    const char* const here = reinterpret_cast<const char*>(__builtin_return_address(0));
    if (site == nullptr) {
      free(block);
      GTEST_SKIP() << "sites are not recorded yet";
    }
    // within this program's text, not in the library
    EXPECT_LT(std::abs(static_cast<const char*>(site) - here), ptrdiff_t{1} << 24);
    free(block);
  }
}

TEST_F(BlockInfo, aligned_blocks_are_whole_blocks) {
  for (size_t alignment = 32; alignment <= 64 * kMiB; alignment *= 2)
    for (size_t n : {size_t{1}, size_t{700}, size_t{70000}}) {
      void* const block = aligned_alloc(alignment, n);
      const hakmem_block b = info(block);
      EXPECT_EQ(b.state, HAKMEM_BLOCK_LIVE);
      EXPECT_EQ(b.start, block) << "alignment never makes an interior pointer: " << alignment << ", " << n;
      EXPECT_EQ(b.usable_size, malloc_usable_size(block));
      free(block);
    }
}

TEST_F(BlockInfo, keeps_errno_and_allocates_nothing) {
  void* const block = malloc(100);
  hakmem_statistics before, after;
  hakmem()->stats(&before, sizeof before);
  errno = 7777;
  for (int i = 0; i < 100; i++) info(block);
  info(nullptr);
  EXPECT_EQ(errno, 7777);
  hakmem()->stats(&after, sizeof after);
  EXPECT_EQ(after.tiers[0].allocations, before.tiers[0].allocations);
  free(block);
}

}  // namespace
}  // namespace hak::test
