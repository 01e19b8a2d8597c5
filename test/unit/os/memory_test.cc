// os/memory: what the kernel gives and what it refuses, really and through the fault seam.
#include "os/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/sanitizer.h"
#include "base/units.h"
#include "os/counters.h"
#include "os/fault.h"

namespace hak::os {
namespace {

// Sanitizers map shadows that no limit leaves room for, drop addresses they don't like, and make mlock do nothing.
constexpr bool kSanitized = kAddressSanitizer || kThreadSanitizer;

class Memory : public testing::Test {
 protected:
  void SetUp() override { errno = kMark; }
  void TearDown() override {
    EXPECT_EQ(errno, kMark) << "errno is the program's";
    fault::disarm();
  }

  static constexpr int kMark = 4242;
  const size_t page_ = page_size();
};

// How much a counter grew since the object was made.
class Growth {
 public:
  explicit Growth(Counter Counters::*where) : where_(where), before_(read(where)) {}
  uint64_t operator()() const { return read(where_) - before_; }

 private:
  Counter Counters::*where_;
  uint64_t before_;
};

bool resident(const void* at) {
  unsigned char in = 0;
  return mincore(const_cast<void*>(at), 1, &in) == 0 && (in & 1) != 0;
}

// Runs `body` in a child whose address space has room for `bytes` more; its exit status.
template <class Body>
int in_child_with_limit(size_t bytes, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit = {bytes, bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(99);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST_F(Memory, the_page_size_is_the_kernels) { EXPECT_EQ(page_size(), static_cast<size_t>(sysconf(_SC_PAGESIZE))); }

TEST_F(Memory, a_mapping_is_zeroed_writable_and_rounded_up_to_pages) {
  const Growth bytes(&Counters::mapped_bytes);
  char* const p = static_cast<char*>(map(page_ + 1));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p[0], 0);
  p[2 * page_ - 1] = 1;
  EXPECT_EQ(bytes(), 2 * page_);
  const Growth unmapped(&Counters::unmapped_bytes);
  unmap(p, page_ + 1);
  EXPECT_EQ(unmapped(), 2 * page_);
}

TEST_F(Memory, a_reservation_is_aligned_and_serves_after_commit) {
  for (const size_t align : {size_t{1}, page_, kUnitBytes, kSuperBytes, size_t{64} << 20}) {
    char* const p = static_cast<char*>(reserve(4 * kUnitBytes, align));
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
    ASSERT_TRUE(commit(p + kUnitBytes, kUnitBytes));
    p[kUnitBytes] = 1;
    unmap(p, 4 * kUnitBytes);
  }
}

TEST_F(Memory, a_claim_takes_exactly_the_free_address_and_never_what_is_occupied) {
  char* const p = static_cast<char*>(reserve(4 * page_, page_));
  ASSERT_NE(p, nullptr);
  unmap(p, 4 * page_);
  ASSERT_EQ(claim(p, 2 * page_), Claim::done);
  p[0] = 7;
  const Growth occupied(&Counters::maps_occupied);
  EXPECT_EQ(claim(p, page_), Claim::occupied);
  EXPECT_EQ(claim(p + page_, 2 * page_), Claim::occupied) << "overlap";
  EXPECT_EQ(occupied(), 2u);
  EXPECT_EQ(p[0], 7) << "what was there is untouched";
  EXPECT_EQ(claim(p + 2 * page_, 2 * page_), Claim::done) << "the failed claims left nothing behind";
  unmap(p, 4 * page_);
}

TEST_F(Memory, a_claim_beyond_the_address_space_is_refused) {
  if (kSanitized) GTEST_SKIP();
  const Growth refused(&Counters::maps_refused);
  EXPECT_EQ(claim(reinterpret_cast<void*>(uintptr_t{1} << 60), page_), Claim::refused);
  EXPECT_EQ(refused(), 1u);
}

TEST_F(Memory, a_limit_on_the_address_space_refuses_with_null_and_leaves_errno) {
  if (kSanitized) GTEST_SKIP();
  EXPECT_EQ(in_child_with_limit(size_t{256} << 20,
                                [this] {
                                  const Growth refused(&Counters::maps_refused);
                                  errno = kMark;
                                  char* const at = reinterpret_cast<char*>(uintptr_t{0x100000000000});
                                  return map(size_t{1} << 30) == nullptr &&
                                         reserve(size_t{1} << 30, kSuperBytes) == nullptr &&
                                         claim(at, size_t{1} << 30) == Claim::refused && refused() == 3 &&
                                         errno == kMark && map(page_) != nullptr;
                                }),
            0);
}

TEST_F(Memory, absurd_sizes_are_refused) {
  EXPECT_EQ(map(SIZE_MAX), nullptr);
  EXPECT_EQ(map(SIZE_MAX / 2), nullptr);
  EXPECT_EQ(reserve(round_down(SIZE_MAX, page_), kSuperBytes), nullptr);
}

TEST_F(Memory, purged_pages_are_gone_and_read_as_zero) {
  char* const p = static_cast<char*>(map(2 * page_));
  ASSERT_NE(p, nullptr);
  memset(p, 1, 2 * page_);
  const Growth purged(&Counters::purged_bytes);
  ASSERT_TRUE(purge(p, page_));
  EXPECT_EQ(purged(), page_);
  EXPECT_FALSE(resident(p));
  EXPECT_EQ(p[0], 0);
  EXPECT_EQ(p[page_], 1);
  unmap(p, 2 * page_);
}

TEST_F(Memory, locked_pages_are_not_purged_and_keep_their_contents) {
  if (kSanitized) GTEST_SKIP();
  char* const p = static_cast<char*>(map(page_));
  ASSERT_NE(p, nullptr);
  if (mlock(p, page_) != 0) {
    errno = kMark;
    unmap(p, page_);
    GTEST_SKIP() << "mlock is not allowed here";
  }
  p[0] = 1;
  const Growth refused(&Counters::purge_refused);
  EXPECT_FALSE(purge(p, page_));
  EXPECT_EQ(refused(), 1u);
  EXPECT_EQ(p[0], 1);
  unmap(p, page_);
}

TEST_F(Memory, populate_faults_all_pages_in_or_says_no) {
  char* const p = static_cast<char*>(map(8 * page_));
  ASSERT_NE(p, nullptr);
  if (populate(p, 8 * page_)) {
    for (size_t i = 0; i < 8; ++i) EXPECT_TRUE(resident(p + i * page_));
  } else {
    EXPECT_GT(read(&Counters::populate_refused), 0u);
  }
  unmap(p, 8 * page_);
}

TEST_F(Memory, resident_pages_are_those_that_were_touched) {
  constexpr size_t kPages = 300;
  char* const p = static_cast<char*>(map(kPages * page_));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(resident_pages(p, kPages * page_), 0u);
  for (const size_t i : {0, 127, 128, 299}) p[i * page_] = 1;
  EXPECT_EQ(resident_pages(p, kPages * page_), 4u);
  fault::arm({.call = fault::Call::look, .error = ENOSYS});
  EXPECT_EQ(resident_pages(p, kPages * page_), 0u);
  fault::disarm();
  unmap(p, kPages * page_);
}

TEST_F(Memory, huge_page_advice_is_taken_or_counted_as_refused) {
  const Growth calls(&Counters::huge_advices);
  const Growth refused(&Counters::huge_refused);
  void* const p = reserve(kSuperBytes, kSuperBytes);
  ASSERT_NE(p, nullptr);
  const bool yes = advise_huge(p, kSuperBytes, Huge::yes);
  const bool no = advise_huge(p, kSuperBytes, Huge::no);
  EXPECT_EQ(calls(), 2u);
  EXPECT_EQ(refused(), uint64_t{!yes} + uint64_t{!no});
  unmap(p, kSuperBytes);
}

TEST_F(Memory, move_pages_moves_the_contents_over_what_was_there_and_leaves_zeroes) {
  char* const from = static_cast<char*>(map(2 * page_));
  char* const to = static_cast<char*>(map(4 * page_));
  ASSERT_TRUE(from != nullptr && to != nullptr);
  memset(from, 1, 2 * page_);
  memset(to, 2, 4 * page_);
  EXPECT_EQ(move_pages(from, to, 2 * page_), Moved::done);
  EXPECT_EQ(to[0], 1);
  EXPECT_EQ(to[2 * page_ - 1], 1);
  EXPECT_EQ(to[2 * page_], 2);
  EXPECT_EQ(from[0], 0);
  EXPECT_EQ(from[2 * page_ - 1], 0);
  EXPECT_EQ(claim(from, 2 * page_), Claim::occupied) << "the old range is mapped";
  unmap(from, 2 * page_);
  unmap(to, 4 * page_);
}

TEST_F(Memory, what_a_refused_move_was_to_replace_stays_mapped_or_is_said_to_be_lost) {
  char* const from = static_cast<char*>(map(8 * page_));
  char* const to = from + 4 * page_;
  ASSERT_NE(from, nullptr);
  from[0] = 1;
  fault::arm({.call = fault::Call::remap, .error = EFAULT});
  EXPECT_EQ(move_pages(from, to, 2 * page_), Moved::refused);
  to[0] = to[2 * page_ - 1] = 2;
  EXPECT_EQ(from[0], 1);
  fault::arm({.call = fault::Call::map, .error = ENOMEM});
  EXPECT_EQ(move_pages(from, to, page_), Moved::lost);
  EXPECT_EQ(from[0], 1);
  fault::disarm();
  EXPECT_EQ(claim(to, page_), Claim::done) << "nothing is mapped";
  unmap(from, 8 * page_);
}

TEST_F(Memory, every_call_can_be_made_to_fail_and_counts_it) {
  char* const p = static_cast<char*>(map(4 * page_));
  ASSERT_NE(p, nullptr);
  p[0] = 1;
  for (const fault::CallName& call : fault::kCalls) fault::arm({.call = call.call, .error = call.usual_errno});
  const Growth refused[] = {Growth(&Counters::maps_refused),  Growth(&Counters::commit_refused),
                            Growth(&Counters::purge_refused), Growth(&Counters::populate_refused),
                            Growth(&Counters::huge_refused),  Growth(&Counters::remap_refused)};
  EXPECT_EQ(map(page_), nullptr);
  EXPECT_FALSE(commit(p, page_));
  EXPECT_FALSE(purge(p, page_));
  EXPECT_FALSE(populate(p, page_));
  EXPECT_FALSE(advise_huge(p, page_, Huge::yes));
  for (size_t i = 0; i < 5; i++) EXPECT_EQ(refused[i](), 1u);
  EXPECT_EQ(move_pages(p, p + 2 * page_, page_), Moved::lost);
  EXPECT_EQ(refused[5](), 1u);
  EXPECT_EQ(p[0], 1);
  fault::arm({.call = fault::Call::map, .error = EEXIST});
  EXPECT_EQ(claim(p, page_), Claim::occupied);
  fault::arm({.call = fault::Call::map, .error = ENOMEM});
  EXPECT_EQ(claim(p, page_), Claim::refused);
  EXPECT_EQ(reserve(page_, page_), nullptr);
  fault::disarm();
  unmap(p, 4 * page_);
}

}  // namespace
}  // namespace hak::os
