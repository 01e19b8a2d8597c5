// What heaps do otherwise where the kernel's pages are of 64 KiB.
#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "conf/config.h"
#include "heap/help.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "map/super_slab.h"
#include "os/counters.h"
#include "unit/heap/owner.h"
#include "unit/pretended_pages.h"

namespace hak {
namespace {

constexpr size_t kLargestPage = 64 << 10;

TEST(PageSizes, a_first_slab_of_a_page_takes_a_resident_unit_and_one_of_several_an_untouched_one) {
  ASSERT_TRUE(start_process());
  reclaim(Bytes{0});
  Owner owner;
  owner.work([] { free_fast(allocate(16)); });
  const map::UnitRun run = map::take_units(Units{32}, Units{1}, map::Kind::slabs, map::Growth::allowed);
  map::give_units(run.first, Units{run.count}, map::Age::fresh);
  const PretendedPages pages(kLargestPage);
  const auto resident_taken_by = [&owner](size_t size) {
    const uint64_t before = map::dirty_units().n;
    void* p = nullptr;
    owner.work([&] { p = allocate(size); });
    const uint64_t taken = before - map::dirty_units().n;
    owner.work([&] { free_fast(p); });
    return taken;
  };
  EXPECT_EQ(resident_taken_by(800), 1u);
  EXPECT_EQ(resident_taken_by(34'000), 0u);
}

TEST(PageSizes, young_threads_of_a_crowd_share_more_of_larger_pages) {
  ASSERT_TRUE(start_process());
  const uint64_t crowd = std::exchange(conf::g_config.crowd, 0);
  const PretendedPages pages(kLargestPage);
  Owner owner;
  owner.work([] { free_fast(allocate(16)); });
  const uint32_t units = owner.heap()->slab_units;  // of the heap that it adopted
  std::vector<void*> blocks;
  owner.work([&] { blocks = allocate_blocks(1000, 1000); });
  EXPECT_EQ(owner.heap()->slab_units, units);
  owner.work([&] {
    for (void* p : allocate_blocks(1000, 1000)) blocks.push_back(p);
  });
  EXPECT_GT(owner.heap()->slab_units, units);
  owner.work([&] {
    for (void* p : blocks) free_fast(p);
  });
  conf::g_config.crowd = crowd;
}

// Of mid classes, whose slabs have several pages.
TEST(PageSizes, pages_of_64_KiB_of_an_idle_owners_sparse_slabs_go_back_and_serve_it_again) {
  const PretendedPages pages(kLargestPage);
  constexpr size_t kSize = 20'000;
  Owner owner;
  std::vector<void*> blocks;
  owner.work([&] {
    blocks = allocate_blocks(1000, kSize);
    for (void* p : blocks) memset(p, 1, kSize);
    for (size_t i = 0; i < blocks.size(); i++)
      if (i % 40 != 0) free_fast(std::exchange(blocks[i], nullptr));
  });
  const uint64_t purged = os::read(&os::Counters::purged_bytes);
  help_all();
  EXPECT_GE(os::read(&os::Counters::purged_bytes) - purged, 5u << 20);
  EXPECT_GE(stats_now().os.sparse_bytes, 1u << 20);
  EXPECT_EQ(broken_heap_rule(), nullptr);
  owner.work([&] {
    for (void*& p : blocks) {
      if (p == nullptr) memset(p = allocate(kSize), 1, kSize);
      free_fast(p);
    }
  });
  EXPECT_EQ(broken_heap_rule(), nullptr);
}

}  // namespace
}  // namespace hak
