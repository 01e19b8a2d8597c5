// The seam by which tests make the kernel refuse: "from the N-th call of this kind on, M times, with this errno".
// Asked by every function of os/ before it calls the kernel; armed by unit tests and by the option HAKMEM_FAULT.
// When nothing is armed it costs one relaxed load.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hak::os::fault {

enum class Call : uint8_t { map, commit, purge, populate, huge, remap, barrier, thread, look };

struct CallName {
  std::string_view name;
  Call call;
  int usual_errno;  // what the kernel says when it refuses this call
};

inline constexpr CallName kCalls[] = {
    {"map", Call::map, ENOMEM},            // mmap(2)
    {"commit", Call::commit, ENOMEM},      // mprotect(2)
    {"purge", Call::purge, EINVAL},        // madvise(2), MADV_DONTNEED: EINVAL for locked pages
    {"populate", Call::populate, EINVAL},  // madvise(2), MADV_POPULATE_WRITE: EINVAL before Linux 5.14
    {"huge", Call::huge, EINVAL},          // madvise(2), MADV_HUGEPAGE: EINVAL without THP
    {"remap", Call::remap, ENOMEM},        // mremap(2)
    {"barrier", Call::barrier, ENOSYS},    // membarrier(2): ENOSYS or EPERM under seccomp
    {"thread", Call::thread, EAGAIN},      // clone(2)
    {"look", Call::look, ENOSYS},          // mincore(2): under seccomp
};
constexpr size_t kCallCount = sizeof kCalls / sizeof kCalls[0];

constexpr bool names_are_in_order() {
  for (size_t i = 0; i < kCallCount; ++i)
    if (static_cast<size_t>(kCalls[i].call) != i) return false;
  return static_cast<size_t>(Call::look) + 1 == kCallCount;
}
static_assert(names_are_in_order(), "kCalls is indexed by Call and complete");

constexpr uint64_t kForever = ~uint64_t{0};

struct Refusal {
  Call call;
  uint64_t from = 1;          // the first call to refuse, counted from now; 1: the next one
  uint64_t times = kForever;  // how many in a row
  int error = ENOMEM;
};

/// Arms `refusal`, replacing an earlier one of the same call. Threads: one at a time, while others may call os/.
void arm(const Refusal& refusal);

/// Arms from text, `CALL[@FROM][xTIMES][=ERRNO]`, several joined by '+': "map@3x2=ENOMEM+purge". ERRNO is a name
/// that a call above can give, or a number. Returns false and arms nothing when the text is malformed.
bool arm_from_text(std::string_view text);

/// Refuses nothing any more.
void disarm();

/// Calls of this kind that were refused by this seam since they were armed.
uint64_t refused_count(Call call);

// Written by arm and disarm, read by every caller in os/. Relaxed: a test arms before it makes the calls it means;
// a call that races with arming may be either side of it.
extern constinit std::atomic<bool> g_armed;

[[gnu::cold]] int next_refusal(Call call);

/// The errno with which this call has to fail, or 0: ask the kernel.
inline int refusal(Call call) {
  if (!g_armed.load(std::memory_order_relaxed)) [[likely]]
    return 0;
  return next_refusal(call);
}

}  // namespace hak::os::fault
