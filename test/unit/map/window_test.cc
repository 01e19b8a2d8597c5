// The window: where it lies, how it grows, what it passes over, and what it does when the system refuses.
//
// A process finds its window once, so each case runs in a process of its own.
#include "map/window.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "base/sanitizer.h"
#include "map/page_map.h"
#include "map/super_slab.h"
#include "os/fault.h"
#include "os/memory.h"

namespace hak::map {
namespace {

constexpr uint64_t kMiB = 1 << 20, kGiB = 1 << 30;
constexpr bool kSanitized = kAddressSanitizer || kThreadSanitizer;

// The thread sanitizer's build reserves without claiming first.
constexpr uint64_t kClaims = kThreadSanitizer ? 0 : 1;

[[noreturn]] void end_process() {
  const testing::TestResult& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < result.total_part_count(); i++) {
    const testing::TestPartResult& part = result.GetTestPartResult(i);
    if (part.failed()) fprintf(stderr, "%s:%d: %s\n", part.file_name(), part.line_number(), part.message());
  }
  _exit(result.Failed() ? 1 : 0);
}

class Window : public testing::Test {
 protected:
  Window() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // the program is executed anew
  }

  template <class Body>
  static void in_new_process(Body body) {
    EXPECT_EXIT((body(), end_process()), testing::ExitedWithCode(0), "");
  }

  struct Grown {
    uint32_t first, count;
    bool operator==(const Grown&) const = default;
  };
  static Grown grow(uint32_t at_least, uint32_t wanted) {
    const os::LockGuard guard(g_map_lock);
    uint32_t got = 0;
    const uint32_t first = grow_window(at_least, wanted, &got);
    return {first, first == kNoSuper ? 0 : got};
  }
  static uint32_t frontier_now() {
    const os::LockGuard guard(g_map_lock);
    return frontier();
  }
  static char* super_address(uint32_t super) { return static_cast<char*>(address_of(super * kSuperUnits)); }

  // Refuses the next `times` pieces, however they are mapped.
  static void refuse_pieces(uint64_t times, uint64_t from = 1) {
    const os::fault::Call call = window_is_reserved() ? os::fault::Call::commit : os::fault::Call::map;
    os::fault::arm({.call = call, .from = from, .times = times});
  }
  static void limit_address_space(rlim_t bytes) {
    const rlimit limit = {bytes, bytes};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  }
  // Something that isn't ours, in the way of the window. Null: the place is taken.
  static char* occupy(char* at, size_t bytes) {
    void* const got = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return got == at ? at : nullptr;
  }
};

TEST_F(Window, begins_and_grows_by_whole_super_slabs_of_zeroed_memory) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{16 * kMiB}));
    EXPECT_EQ(window_bytes().n, 16 * kMiB);
    EXPECT_EQ(g_window_base % kSuperBytes, 0u);
    EXPECT_EQ(frontier_now(), 0u);
    EXPECT_EQ(grow(8, 8), (Grown{0, 8}));
    EXPECT_EQ(frontier_now(), 8u);
    for (uint32_t unit = 0; unit < 8 * kSuperUnits; unit++) {
      char* const p = static_cast<char*>(address_of(unit));
      for (char* at : {p, p + kUnitBytes - 1}) {
        EXPECT_EQ(*at, 0);
        *at = 1;
        EXPECT_EQ(unit_of(at), unit);
      }
    }
    for (uint32_t super = 0; super < 8; super++) EXPECT_EQ(g_window.supers[super].free, ~0u);
  });
}

TEST_F(Window, a_pointer_is_in_it_from_its_base_to_what_is_mapped) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{64 * kMiB}));
    const char* const base = super_address(0);
    EXPECT_FALSE(in_window(base)) << "nothing is mapped yet";
    ASSERT_EQ(grow(2, 2).count, 2u);
    EXPECT_TRUE(in_window(base));
    EXPECT_TRUE(in_window(base + 2 * kSuperBytes - 1));
    EXPECT_FALSE(in_window(base + 2 * kSuperBytes));
    EXPECT_FALSE(in_window(base - 1));
    EXPECT_FALSE(in_window(nullptr));
    EXPECT_FALSE(in_window(reinterpret_cast<void*>(~uintptr_t{0})));
    ASSERT_EQ(grow(1, 1).count, 1u);
    EXPECT_TRUE(in_window(base + 3 * kSuperBytes - 1));
    EXPECT_EQ(super_address(0), base) << "nothing moves";
  });
}

TEST_F(Window, gives_what_is_wanted_or_what_is_left_but_at_least_what_is_needed) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{32 * kMiB}));
    EXPECT_EQ(grow(2, 5), (Grown{0, 5}));
    EXPECT_EQ(grow(4, 1), (Grown{5, 4})) << "what is needed, where less is wanted";
    EXPECT_EQ(grow(8, 100), (Grown{kNoSuper, 0})) << "7 are left";
    EXPECT_EQ(frontier_now(), 9u);
    EXPECT_EQ(grow(3, 100), (Grown{9, 7}));
    EXPECT_EQ(grow(1, 1), (Grown{kNoSuper, 0})) << "it ends here";
    EXPECT_EQ(frontier_now(), 16u);
    EXPECT_FALSE(in_window(super_address(16)));
  });
}

// Its tables are mapped ahead, but not into each other.
TEST_F(Window, serves_to_its_last_super_slab_one_by_one) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{2 * kGiB}));
    for (uint32_t super = 0; super < 1024; super++) {
      ASSERT_EQ(grow(1, 1), (Grown{super, 1}));
      *super_address(super) = 1;
    }
    EXPECT_EQ(grow(1, 1), (Grown{kNoSuper, 0}));
  });
}

TEST_F(Window, gives_fewer_where_the_system_refuses_many) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{kGiB}));
    refuse_pieces(1);
    const Grown some = grow(1, 16);
    EXPECT_EQ(some.first, 0u);
    EXPECT_GE(some.count, 1u);
    EXPECT_LT(some.count, 16u);
    super_address(some.count)[-1] = 1;
    EXPECT_EQ(frontier_now(), some.count);
    os::fault::disarm();
    EXPECT_EQ(grow(6, 16), (Grown{some.count, 16}));
  });
}

TEST_F(Window, never_gives_less_than_is_needed) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{kGiB}));
    for (uint64_t refusals = 1; refusals < 20; refusals++) {
      refuse_pieces(refusals);
      const uint32_t before = frontier_now();
      const Grown grown = grow(6, 20);
      if (grown.first == kNoSuper) break;
      EXPECT_EQ(grown.first, before);
      EXPECT_GE(grown.count, 6u) << refusals;
      EXPECT_LT(grown.count, 20u) << refusals;
      EXPECT_LT(refusals, 10u) << "at some time it gives up";
    }
  });
}

TEST_F(Window, is_as_before_after_a_refusal) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{kGiB}));
    ASSERT_EQ(grow(3, 3).count, 3u);
    refuse_pieces(os::fault::kForever);
    EXPECT_EQ(grow(1, 30), (Grown{kNoSuper, 0}));
    EXPECT_EQ(frontier_now(), 3u);
    EXPECT_FALSE(in_window(super_address(3)));
    os::fault::disarm();
    EXPECT_EQ(grow(1, 30), (Grown{3, 30}));
  });
}

// Of the tables too: one that was mapped already would be in its own way.
TEST_F(Window, tables_of_which_a_part_was_refused_are_mapped_the_next_time) {
  in_new_process([] {
    const uint32_t many =
        static_cast<uint32_t>(os::page_size() / sizeof(SuperSlab)) * 2;  // more than tables begin with
    ASSERT_TRUE(init_window(Bytes{uint64_t{many} << (kSuperShift + 1)}));
    const Bytes before = metadata_bytes();
    for (const uint64_t table : {1u, 2u, 3u}) {
      refuse_pieces(1, table);
      EXPECT_EQ(grow(many, many).first, kNoSuper) << table;
      EXPECT_EQ(metadata_bytes(), before);
    }
    os::fault::disarm();
    EXPECT_EQ(grow(many, many), (Grown{0, many}));
    EXPECT_GT(metadata_bytes(), before);
  });
}

TEST_F(Window, what_is_occupied_is_passed_over_and_left_alone) {
  if (kThreadSanitizer) GTEST_SKIP() << "the window is reserved";
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{kGiB}));
    if (window_is_reserved()) return;
    ASSERT_EQ(grow(2, 2).count, 2u);
    char* const stranger = occupy(super_address(2) + kUnitBytes, kUnitBytes);
    ASSERT_NE(stranger, nullptr);
    *stranger = 7;
    EXPECT_EQ(grow(1, 1), (Grown{3, 1}));
    *super_address(3) = 1;
    EXPECT_EQ(*stranger, 7);
    EXPECT_EQ(g_window.supers[2].kind, Kind::lost);
    EXPECT_EQ(g_window.supers[2].free, 0u);
    EXPECT_EQ(count_units().lost, uint64_t{kSuperUnits});
  });
}

TEST_F(Window, a_run_is_found_behind_many_strangers) {
  if (kThreadSanitizer) GTEST_SKIP() << "the window is reserved";
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{kGiB}));
    if (window_is_reserved()) return;
    for (const uint32_t super : {0u, 3u, 4u, 11u, 30u}) ASSERT_NE(occupy(super_address(super), 1), nullptr);
    const Grown grown = grow(8, 8);
    EXPECT_EQ(grown.count, 8u);
    EXPECT_GE(grown.first, 12u);
    for (uint32_t i = 0; i < 8; i++) *super_address(grown.first + i) = 1;
    EXPECT_GE(count_units().lost, uint64_t{grown.first} * kSuperUnits);
    EXPECT_LT(grown.first, 64u) << "little is lost";
  });
}

TEST_F(Window, ends_where_only_strangers_are_left) {
  if (kThreadSanitizer) GTEST_SKIP() << "the window is reserved";
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{16 * kMiB}));
    if (window_is_reserved()) return;
    ASSERT_NE(occupy(super_address(3), 5 * kSuperBytes), nullptr);
    EXPECT_EQ(grow(3, 3), (Grown{0, 3}));
    EXPECT_EQ(grow(1, 1), (Grown{kNoSuper, 0}));
    EXPECT_LE(frontier_now(), 8u);
  });
}

TEST_F(Window, is_reserved_where_nothing_can_be_claimed_as_large_as_the_system_lets) {
  in_new_process([] {
    os::fault::arm({.call = os::fault::Call::map, .times = kClaims + 2});
    ASSERT_TRUE(init_window(Bytes{64 * kGiB}));
    EXPECT_TRUE(window_is_reserved());
    EXPECT_EQ(window_bytes().n, 16 * kGiB);
    EXPECT_EQ(g_window_base % kSuperBytes, 0u);
    EXPECT_EQ(grow(2, 4), (Grown{0, 4}));
    for (uint32_t super = 0; super < 4; super++) *super_address(super) = 1;
  });
}

TEST_F(Window, a_refused_commit_of_a_reserved_one_loses_nothing) {
  in_new_process([] {
    os::fault::arm({.call = os::fault::Call::map, .times = kClaims});
    ASSERT_TRUE(init_window(Bytes{16 * kMiB}));
    ASSERT_TRUE(window_is_reserved());
    os::fault::arm({.call = os::fault::Call::commit, .times = 1});
    EXPECT_EQ(grow(2, 2), (Grown{kNoSuper, 0}));
    EXPECT_EQ(grow(8, 8), (Grown{0, 8}));
    EXPECT_EQ(grow(1, 1), (Grown{kNoSuper, 0}));
  });
}

TEST_F(Window, can_be_reserved_however_little_is_asked_for) {
  in_new_process([] {
    os::fault::arm({.call = os::fault::Call::map, .times = kClaims});
    ASSERT_TRUE(init_window(Bytes{kMiB}));
    EXPECT_EQ(grow(1, 1), (Grown{0, 1}));
  });
}

TEST_F(Window, there_is_none_where_the_system_has_no_room_for_the_smallest) {
  in_new_process([] {
    os::fault::arm({.call = os::fault::Call::map});
    EXPECT_FALSE(init_window(Bytes{64 * kGiB}));
  });
}

TEST_F(Window, a_reservation_leaves_the_program_a_part_of_its_address_space) {
  if (kSanitized) GTEST_SKIP() << "shadows that no limit leaves room for";
  in_new_process([] {
    limit_address_space(kGiB);
    os::fault::arm({.call = os::fault::Call::map, .times = kClaims});
    ASSERT_TRUE(init_window(Bytes{1024 * kGiB}));
    ASSERT_TRUE(window_is_reserved());
    EXPECT_LE(window_bytes().n, kGiB / 4 * 3);
    EXPECT_GT(window_bytes().n, kGiB / 2) << "and most of it is ours";
    EXPECT_EQ(grow(8, 8).count, 8u);
    EXPECT_NE(os::map(100 * kMiB), nullptr) << "the program's own";
  });
}

// However large the window is, it takes of the address space what is in use.
TEST_F(Window, that_is_claimed_grows_to_the_limit_of_the_address_space_and_with_it) {
  if (kSanitized) GTEST_SKIP() << "shadows that no limit leaves room for";
  in_new_process([] {
    rlimit limit = {256 * kMiB, RLIM_INFINITY};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    ASSERT_TRUE(init_window(Bytes{1024 * kGiB}));
    ASSERT_FALSE(window_is_reserved());
    EXPECT_EQ(window_bytes().n, 1024 * kGiB);
    while (grow(1, 64).first != kNoSuper) continue;
    const uint32_t limited = frontier_now();
    EXPECT_GE(limited, 100u);
    EXPECT_LT(limited, 128u);
    limit.rlim_cur = 512 * kMiB;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_EQ(grow(100, 100), (Grown{limited, 100}));
  });
}

// The tables lie as window.h draws them, and are there for each unit below the frontier. docs/design.md, invariants:
// the metadata of the map is at most 0.5 % of what is mapped, and 1 MiB; where pages are of 64 KiB, 3 MiB, which are
// touched page by page.
TEST_F(Window, tables_reach_as_far_as_the_window_and_stay_small) {
  in_new_process([] {
    ASSERT_TRUE(init_window(Bytes{64 * kGiB}));
    const uint32_t supers = g_window.total_supers;
    EXPECT_GE(reinterpret_cast<char*>(g_page_map), reinterpret_cast<char*>(g_window.supers + supers));
    EXPECT_GE(reinterpret_cast<char*>(g_window.lines), reinterpret_cast<char*>(g_page_map + supers * kSuperUnits));
    EXPECT_GE(super_address(0), reinterpret_cast<char*>(g_window.lines + supers * kSuperUnits));
    const uint64_t most = os::page_size() < kUnitBytes ? kMiB : 3 * kMiB;
    for (uint32_t step = 1; frontier_now() < 2048; step += 7) {
      const Grown grown = grow(1, step);
      ASSERT_NE(grown.first, kNoSuper);
      for (uint32_t super = grown.first; super < grown.first + grown.count; super++)
        for (const uint32_t unit : {super * kSuperUnits, super * kSuperUnits + kSuperUnits - 1}) {
          ASSERT_EQ(entry_of_unit(unit).owner.load(), kNothing) << unit;
          ASSERT_EQ(unit_of_line(line_of_unit(unit)), unit);
          ASSERT_EQ(line_of_unit(unit)->bytes[0], 0) << unit;
          set_entries(unit, 1, kSpan);
          line_of_unit(unit)->bytes[0] = 1;
        }
      ASSERT_LE(metadata_bytes().n, (uint64_t{frontier_now()} << kSuperShift) / 200 + most) << frontier_now();
    }
  });
}

}  // namespace
}  // namespace hak::map
