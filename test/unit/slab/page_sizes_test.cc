// Slabs of which parts go back where the kernel's pages are of 4, 16 or 64 KiB: at random, against what has to be there.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "heap/process.h"
#include "os/counters.h"
#include "slab/slab.h"
#include "slab/sparse.h"
#include "unit/pretended_pages.h"

namespace hak {
namespace {

uint64_t purged_bytes() { return os::read(&os::Counters::purged_bytes); }

// Carves blocks of a slab, fills them, frees runs of them and takes them again.
class Player {
 public:
  Player(size_t size, unsigned seed) : random_(seed) {
    const unsigned c = class_of(size);
    const map::UnitRun run =
        map::take_units(Units{size_class(c).units}, Units{1}, map::Kind::slabs, map::Growth::allowed);
    slab_ = &make_slab(reinterpret_cast<Heap*>(0x1000), c, run);
    is_out_.resize(slab_->blocks);
  }
  ~Player() { release_slab(*slab_); }

  Slab& slab() { return *slab_; }
  bool flip() { return random_() % 2 != 0; }

  void carve_some() {
    Block* list = nullptr;
    carve(*slab_, 1 + below(slab_->blocks), &list);
    take(list);
  }
  void free_a_run() {
    for_run([this](uint32_t i) { put_back(*slab_, {block(i), granule(i), 1}); });
  }
  // As others return them, one of which stays out, as helpers see to: they are used until then.
  void release_with_waiting() {
    Batch waiting;
    for_run([&](uint32_t i) {
      if (waiting.first == nullptr) waiting.last_granule = granule(i);
      block(i)->next = waiting.first;
      waiting.first = block(i);
      waiting.count++;
    });
    if (waiting.first == nullptr) return;
    release_free_pages(*slab_, &waiting);
    uint32_t length = 0;
    for (const Block* b = waiting.first; b != nullptr; b = b->next, length++) ASSERT_TRUE(is_block_start(*slab_, b));
    ASSERT_EQ(length, waiting.count);
    ASSERT_GT(length, 0u);
    put_back(*slab_, waiting);
  }
  void take_freed_blocks() {
    Block* list = nullptr;
    take_freed(*slab_, &list);
    take(list);
  }
  void take_released_blocks() {
    const Taken taken = take_released(*slab_);
    ASSERT_EQ(taken.freed_twice, nullptr);
    take(taken.list);
  }

  // Which are out say the slab's numbers too, and nobody else wrote to them.
  void check() {
    ASSERT_EQ(broken_rule(*slab_), nullptr);
    uint32_t out = 0;
    for (uint32_t i = 0; i < slab_->blocks; i++) {
      if (!is_out_[i]) continue;
      out++;
      for (uint32_t at = 0; at < slab_->block_bytes; at += 8)
        ASSERT_EQ(*reinterpret_cast<const uint64_t*>(bytes(i) + at), pattern(i)) << i << " at " << at;
    }
    ASSERT_EQ(used_blocks(*slab_), out);
  }

 private:
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  char* bytes(uint32_t i) { return start_of(*slab_) + size_t{i} * slab_->block_bytes; }
  Block* block(uint32_t i) { return reinterpret_cast<Block*>(bytes(i)); }
  uint32_t granule(uint32_t i) { return i * slab_->block_bytes >> 4; }
  static uint64_t pattern(uint32_t i) { return i * 0x9E3779B97F4A7C15u | 1; }

  void take(Block* list) {
    for (Block* b = list; b != nullptr;) {
      Block* const next = b->next;
      const uint32_t i = block_index(slab_->reciprocal, offset_in(*slab_, b));
      ASSERT_FALSE(is_out_[i]) << i;
      is_out_[i] = true;
      for (uint32_t at = 0; at < slab_->block_bytes; at += 8) *reinterpret_cast<uint64_t*>(bytes(i) + at) = pattern(i);
      b = next;
    }
  }
  // Those of a run of blocks that are out.
  template <class Work>
  void for_run(Work work) {
    const uint32_t first = below(slab_->blocks);
    const uint32_t most = 1 + below(slab_->blocks);
    for (uint32_t i = first; i < slab_->blocks && i - first < most; i++) {
      if (!is_out_[i]) continue;
      is_out_[i] = false;
      memset(bytes(i), 0xdd, slab_->block_bytes);
      work(i);
      block(i)->mark = reinterpret_cast<uintptr_t>(slab_);
    }
  }

  std::mt19937 random_;
  Slab* slab_;
  std::vector<bool> is_out_;
};

class PageSizes : public testing::TestWithParam<size_t> {};

TEST_P(PageSizes, blocks_that_are_out_stay_as_they_are_and_the_others_are_found_once) {
  ASSERT_TRUE(start_process());
  const PretendedPages pages(GetParam());
  for (const size_t size : {16, 100, 1000, 3000, 5000, 18'000, 28'000, 53'248}) {
    uint64_t released = 0;
    for (unsigned seed = 0; seed < 20; seed++) {
      SCOPED_TRACE(testing::Message() << "blocks of " << size << ", seed " << seed);
      Player player(size, seed);
      for (int round = 0; round < 30; round++) {
        if (player.flip()) player.carve_some();
        if (player.flip()) player.free_a_run();
        const uint64_t before = purged_bytes();
        if (player.flip()) player.release_with_waiting();
        if (player.flip()) release_free_pages(player.slab());
        if (player.flip()) release_fresh_pages(player.slab());
        ASSERT_EQ((purged_bytes() - before) % os::page_size(), 0u);
        released += player.slab().released;
        player.check();
        if (player.flip()) player.take_released_blocks();
        if (player.flip()) player.take_freed_blocks();
        player.check();
        if (testing::Test::HasFatalFailure()) return;
      }
    }
    // A slab of one page keeps it: its newest block lies there.
    const bool has_parts = size_class(class_of(size)).units * kUnitBytes > os::page_size();
    EXPECT_TRUE(released > 0 || !has_parts) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PageSizes, testing::Values(size_t{4} << 10, size_t{16} << 10, size_t{64} << 10),
                         [](const auto& i) { return std::to_string(i.param >> 10) + "_KiB"; });

}  // namespace
}  // namespace hak
