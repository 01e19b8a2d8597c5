#include "slab/slab.h"

#include <gtest/gtest.h>

#include "heap/process.h"
#include "slab/partial.h"

namespace hak {
namespace {

class SlabTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_process());
    slab_ = &make_slab(reinterpret_cast<Heap*>(0x1000), 4,
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
  EXPECT_STREQ(broken_rule(*slab_), "slab: the list of freed blocks is as long as carved - used");
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

}  // namespace
}  // namespace hak
