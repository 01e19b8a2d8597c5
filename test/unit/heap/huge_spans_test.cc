// Big blocks: which ask for huge pages, and that what is noted of it is what the kernel was asked.
#include "heap/huge_spans.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "heap/allocate.h"
#include "heap/statistics.h"
#include "map/super_slab.h"
#include "os/counters.h"
#include "os/fault.h"
#include "os/memory.h"
#include "unit/map/mapping_flag.h"

namespace hak {
namespace {

constexpr size_t kSupers = 4;
constexpr size_t kSize = kSupers * kSuperBytes;

class HugeSpans : public testing::Test {
 protected:
  void SetUp() override {
    if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
    void* const p = os::reserve(kSuperBytes, kSuperBytes);
    const bool has_huge_pages = os::advise_huge(p, kSuperBytes, os::Huge::yes);
    os::unmap(p, kSuperBytes);
    if (!has_huge_pages) GTEST_SKIP() << "there are no huge pages here";
  }
  void TearDown() override {
    os::fault::disarm();
    for (void* p : blocks_) free_fast(p);
  }

  static uint32_t frontier() { return static_cast<uint32_t>(map::g_window_limit.load() >> kSuperShift); }
  static bool is_huge(uint32_t super) { return map::g_window.supers[super].huge.load(); }
  static uint64_t count_huge() {
    uint64_t n = 0;
    for (uint32_t super = 0; super < frontier(); super++) n += is_huge(super);
    return n;
  }

  // SuperSlabs for which a block asked.
  uint64_t asked_by(void* (*make)(size_t), size_t size, size_t filled) {
    const uint64_t before = count_huge();
    blocks_.push_back(make(size));
    const uint64_t asked = count_huge() - before;
    memset(blocks_.back(), 1, filled);
    return asked;
  }

  static void* plain(size_t size) { return allocate(size); }
  static void* zeroed(size_t size) { return allocate_zeroed(size); }

  std::vector<void*> blocks_;
};

TEST_F(HugeSpans, of_blocks_that_are_not_filled_some_MiB_in_all_ask) {
  uint64_t asked = 0;
  for (int i = 0; i < 10; i++) asked += asked_by(plain, kSize, 1);
  EXPECT_EQ(asked, 4u);
  EXPECT_EQ(asked_by(plain, kSuperBytes, 1), 0u);
}

TEST_F(HugeSpans, of_blocks_that_are_filled_all_ask_once_one_was_seen) {
  EXPECT_EQ(asked_by(plain, kSize, kSize), kSupers - 1) << "of the first 2 MiB one can see whether they are filled";
  for (int i = 0; i < 10; i++) EXPECT_GE(asked_by(plain, kSize, kSize), kSupers - 1);
  uint64_t asked = 0;
  for (int i = 0; i < 20; i++) asked += asked_by(plain, kSize, kSize);
  EXPECT_GE(asked, 18 * kSupers);
}

TEST_F(HugeSpans, where_the_kernel_does_not_say_what_is_filled_no_more_ask) {
  os::fault::arm({.call = os::fault::Call::look, .error = ENOSYS});
  uint64_t asked = 0;
  for (int i = 0; i < 10; i++) asked += asked_by(plain, kSize, kSize);
  EXPECT_EQ(asked, 4u);
}

TEST_F(HugeSpans, small_ones_do_not_ask_and_zeroed_ones_when_zeroed_ones_are_filled) {
  EXPECT_EQ(asked_by(plain, 3 << 19, 3 << 19), 0u);
  for (int i = 0; i < 3; i++) EXPECT_EQ(asked_by(zeroed, kSize, 1), 0u);
  for (int i = 0; i < 3; i++) EXPECT_GE(asked_by(plain, kSize, kSize), kSupers - 1);
  EXPECT_EQ(asked_by(zeroed, kSize, kSize), 0u) << "those that are filled were no zeroed ones";
  for (int i = 0; i < 3; i++) EXPECT_GE(asked_by(zeroed, kSize, kSize), kSupers - 1);
}

TEST_F(HugeSpans, what_a_block_grows_by_asks_and_moves_with_it) {
  std::vector<void*> blocks(4);
  for (void*& p : blocks) memset(p = allocate(kSuperBytes / 2), 1, kSuperBytes / 2);
  for (size_t size = kSuperBytes; size <= 32 * kSuperBytes; size += size / 2) {
    for (void*& p : blocks) {
      p = reallocate(p, size);
      memset(p, 2, size);
    }
  }
  EXPECT_GT(count_huge(), 4u * 16);
  EXPECT_GT(os::read(&os::Counters::remaps), 0u);
  for (uint32_t super = 0; super < frontier(); super++)
    EXPECT_LE(map::has_mapping_flag(super * kSuperUnits, "hg"), is_huge(super)) << "SuperSlab " << super;
  EXPECT_EQ(map::broken_super_slab_rule(), nullptr);
  for (void* p : blocks) free_fast(p);
}

}  // namespace
}  // namespace hak
