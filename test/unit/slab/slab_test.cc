#include "slab/slab.h"
#include "slab/populate.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <utility>

#include "heap/process.h"
#include "os/counters.h"
#include "os/memory.h"
#include "slab/partial.h"
#include "slab/sparse.h"

namespace hak {
namespace {

class SlabTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_process());
    slab_ = &make_slab(reinterpret_cast<Heap*>(0x1000), 5,
                       map::take_units(Units{1}, Units{1}, map::Kind::slabs, map::Growth::allowed));
  }
  void TearDown() override {
    EXPECT_EQ(broken_rule(*slab_), nullptr);
    release_slab(*slab_);
  }
  // As free_local does.
  void free_block(Block* b) {
    b->next = slab_->freed;
    slab_->freed = b;
    slab_->countdown--;
  }
  Slab* slab_ = nullptr;
};

TEST_F(SlabTest, carving_hands_out_every_block_once_in_address_order) {
  Block* list = nullptr;
  uint32_t blocks = 0;
  const char* last = nullptr;
  while (const uint32_t n = carve(*slab_, 64, &list)) {
    blocks += n;
    for (const Block* b = list; b != nullptr; b = b->next) {
      EXPECT_TRUE(is_block_start(*slab_, b));
      EXPECT_GT(reinterpret_cast<const char*>(b), last);
      last = reinterpret_cast<const char*>(b);
    }
  }
  EXPECT_EQ(blocks, slab_->blocks);
  EXPECT_EQ(used_blocks(*slab_), slab_->blocks);
}

TEST_F(SlabTest, pages_are_fetched_ahead_in_batches_of_a_sixteenth_of_what_is_out) {
  if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
  const auto fetched = [this](uint64_t out_bytes) {
    const uint64_t before = os::read(&os::Counters::populated_bytes);
    populate_ahead(*slab_, out_bytes);
    return os::read(&os::Counters::populated_bytes) - before;
  };
  EXPECT_EQ(fetched(0), 0u);
  EXPECT_EQ(fetched(16 * 8 * 4096 - 1), 4u * 4096) << "a power of two of pages";
  EXPECT_EQ(fetched(1 << 30), kUnitBytes);
  Block* list = nullptr;
  carve(*slab_, fresh_in_page(*slab_), &list);
  EXPECT_EQ(fetched(1 << 30), 0u) << "the second page is in the first one's batch";
}

TEST_F(SlabTest, a_copy_is_refused_where_the_line_is_no_slab_any_more) {
  auto* const line = reinterpret_cast<map::Line*>(slab_);
  const Slab whole = *slab_;
  Slab copy;
  EXPECT_TRUE(copy_slab(line, &copy));
  EXPECT_EQ(copy.block_bytes, whole.block_bytes);
  slab_->size_class = 255;  // as a span's number may read
  EXPECT_FALSE(copy_slab(line, &copy));
  *slab_ = whole;
  slab_->first++;
  EXPECT_FALSE(copy_slab(line, &copy));
  *slab_ = whole;
  slab_->heap = nullptr;
  EXPECT_FALSE(copy_slab(line, &copy));
  *slab_ = whole;
}

TEST_F(SlabTest, freed_blocks_are_taken_as_one_list) {
  Block* list = nullptr;
  carve(*slab_, 10, &list);
  for (int i = 0; i < 7; i++) {
    Block* const b = list;
    list = list->next;
    free_block(b);
  }
  EXPECT_EQ(broken_rule(*slab_), nullptr);
  Block* taken = nullptr;
  EXPECT_EQ(take_freed(*slab_, &taken), 7u);
  EXPECT_EQ(slab_->freed, nullptr);
  EXPECT_EQ(used_blocks(*slab_), 10u);
}

TEST_F(SlabTest, a_batch_goes_through_an_inbox_and_back_without_a_walk) {
  Block* list = nullptr;
  carve(*slab_, 5, &list);
  Block* last = list;
  while (last->next != nullptr) last = last->next;
  const Batch batch{list, offset_in(*slab_, last) >> kTinyShift, 5};
  pack_batch(batch, nullptr);
  Block* next = nullptr;
  const Batch back = unpack_batch(list, &next);
  EXPECT_EQ(next, nullptr);
  EXPECT_EQ(back.count, 5u);
  put_back(*slab_, back);
  EXPECT_EQ(freed_blocks(*slab_), 5u);
}

TEST_F(SlabTest, the_broken_equation_is_named) {
  Block* list = nullptr;
  carve(*slab_, 3, &list);
  slab_->countdown--;
  EXPECT_STREQ(broken_rule(*slab_), "slab: the list of freed blocks is as long as carved - used - released");
  slab_->countdown++;
}

TEST_F(SlabTest, partial_slabs_come_fullest_first_and_events_move_them) {
  Block* list = nullptr;
  carve(*slab_, slab_->blocks, &list);
  PartialSlabs partial;
  for (uint32_t i = 0; i < slab_->blocks / 8u; i++) {
    Block* const b = list;
    list = list->next;
    free_block(b);
  }
  partial.add(*slab_);
  EXPECT_EQ(slab_->fill, 0);
  int events = 0;
  while (used_blocks(*slab_) > 0) {
    Block* const b = list;
    list = list->next;
    free_block(b);
    if (!event_is_due(*slab_)) continue;
    events++;
    partial.remove(*slab_);
    if (used_blocks(*slab_) > 0) partial.add(*slab_);
  }
  EXPECT_EQ(events, 4) << "three quarters are passed, then it is empty";
  EXPECT_EQ(partial.take(), nullptr);
}

uint32_t resident_pages(const Slab& s) {
  unsigned char pages[16] = {};
  mincore(start_of(s), kUnitBytes, pages);
  uint32_t n = 0;
  for (const unsigned char page : pages) n += page & 1;
  return n;
}

// Every third page of the slab keeps its blocks, all others come back.
class SparseSlabTest : public SlabTest {
 protected:
  void SetUp() override {
    SlabTest::SetUp();
    if (os::page_size() != 4096) GTEST_SKIP() << "pages aren't 4 KiB here";
    Block* list = nullptr;
    while (carve(*slab_, 4096, &list) != 0) {
      for (Block* b = list; b != nullptr;) {
        Block* const next = b->next;
        b->mark = 0;
        if (offset_in(*slab_, b) / 4096 % 3 != 0) free_block(b);
        b = next;
      }
    }
  }
};

TEST_F(SparseSlabTest, pages_without_used_blocks_go_back_and_their_blocks_are_found_again) {
  const uint32_t used = used_blocks(*slab_);
  const uint32_t listed = freed_blocks(*slab_);
  const uint32_t resident = resident_pages(*slab_);
  const uint32_t pages = release_free_pages(*slab_);
  EXPECT_GE(pages, 5u);  // of 16: 10 are free, some are reached into, one has the newest block
  EXPECT_EQ(resident_pages(*slab_), resident - pages);
  EXPECT_EQ(used_blocks(*slab_), used);
  EXPECT_EQ(freed_blocks(*slab_) + slab_->released, listed);
  EXPECT_EQ(broken_rule(*slab_), nullptr);
  EXPECT_EQ(release_free_pages(*slab_), 0u);  // nothing is left to find

  uint32_t found = 0;
  while (slab_->released != 0) {
    const Taken taken = take_released(*slab_);
    EXPECT_EQ(taken.freed_twice, nullptr);
    found += taken.count;
    uint32_t length = 0;
    for (const Block* b = taken.list; b != nullptr; b = b->next, length++) EXPECT_TRUE(is_block_start(*slab_, b));
    EXPECT_EQ(length, taken.count);
    EXPECT_EQ(broken_rule(*slab_), nullptr);
    EXPECT_EQ(used_blocks(*slab_), used + found);
  }
  EXPECT_EQ(found + freed_blocks(*slab_), listed);
  EXPECT_EQ(slab_->released, 0u);
}

TEST_F(SparseSlabTest, the_page_that_no_block_fills_to_its_end_goes_back_too) {
  constexpr uint32_t kLastPage = 15;
  ASSERT_NE(slab_->blocks * slab_->block_bytes, kUnitBytes);
  for (uint32_t i = 0; i < slab_->blocks; i++) {
    char* const p = start_of(*slab_) + i * slab_->block_bytes;
    if (offset_in(*slab_, p) / 4096 == kLastPage) free_block(reinterpret_cast<Block*>(p));
  }
  free_block(reinterpret_cast<Block*>(start_of(*slab_)));  // the newest stays
  unsigned char last = 1;
  release_free_pages(*slab_);
  mincore(start_of(*slab_) + kLastPage * 4096, 4096, &last);
  EXPECT_EQ(last & 1, 0);
  EXPECT_EQ(broken_rule(*slab_), nullptr);
}

TEST_F(SparseSlabTest, a_released_block_that_is_freed_again_is_found_and_handed_out_once) {
  const uint32_t used = used_blocks(*slab_);
  release_free_pages(*slab_);
  Block* twice = nullptr;
  for (char* p = start_of(*slab_); twice == nullptr; p += slab_->block_bytes)
    if (is_released(*slab_, p)) twice = reinterpret_cast<Block*>(p);
  free_block(twice);
  twice->mark = reinterpret_cast<uintptr_t>(slab_);
  EXPECT_EQ(used_blocks(*slab_), used - 1);
  const Taken taken = take_released(*slab_);
  EXPECT_EQ(taken.freed_twice, twice);
  for (const Block* b = taken.list; b != nullptr; b = b->next) EXPECT_NE(b, twice);
  EXPECT_EQ(used_blocks(*slab_), used + taken.count);
  EXPECT_EQ(broken_rule(*slab_), nullptr);
}

// A block of 18 KiB that begins in a page in use has whole pages inside: they are touched when it is used again.
TEST_F(SparseSlabTest, pages_inside_of_a_block_that_was_used_again_go_back_again) {
  constexpr size_t kBlock = 18 << 10;
  const unsigned c = class_of(kBlock);
  const map::UnitRun run =
      map::take_units(Units{size_class(c).units}, Units{1}, map::Kind::slabs, map::Growth::allowed);
  Slab& s = make_slab(reinterpret_cast<Heap*>(0x1000), c, run);
  std::vector<Block*> blocks;
  Block* list = nullptr;
  while (carve(s, 64, &list) != 0)
    for (Block* b = list; b != nullptr; b = b->next) blocks.push_back(b);
  const auto give = [&s](Block* b) {
    memset(static_cast<void*>(b), 1, kBlock);
    put_back(s, {b, offset_in(s, b) >> kTinyShift, 1});
  };
  for (Block* b : blocks) memset(static_cast<void*>(b), 1, kBlock);
  const auto resident = [&s] { return os::resident_pages(start_of(s), uint64_t{s.units} << kUnitShift); };
  for (size_t i = 1; i < blocks.size(); i += 2) give(blocks[i]);
  release_free_pages(s);
  const size_t least = resident();
  Block* again = nullptr;
  const uint32_t n = take_freed(s, &again);  // those that begin in a page in use
  ASSERT_GT(n, 1u);
  for (Block* b = again; b != nullptr;) {
    Block* const next = b->next;
    give(b);
    b = next;
  }
  EXPECT_GT(resident(), least);
  release_free_pages(s);
  EXPECT_LE(resident(), least + 4) << "but for the newest block's";
  EXPECT_EQ(broken_rule(s), nullptr);
}

TEST_F(SparseSlabTest, a_list_that_is_damaged_is_reported) {
  Block* const second = slab_->freed->next;
  Block* const third = second->next;
  second->next = reinterpret_cast<Block*>(reinterpret_cast<char*>(third) + 8);  // as a use after free would
  EXPECT_DEATH(release_free_pages(*slab_),
               "hakmem: corrupted free list at 0x[0-9a-f]+, a tiny block of [0-9]+ bytes; see");
  second->next = third;
  Block* const fourth = std::exchange(third->next, second);
  EXPECT_DEATH(release_free_pages(*slab_), "hakmem: corrupted free list") << "a circle";
  third->next = fourth;
}

}  // namespace
}  // namespace hak
