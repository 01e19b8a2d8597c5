#include "big/keep.h"

#include <atomic>

#include "conf/config.h"
#include "os/memory.h"

namespace hak::big {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// By site slot. Any thread writes; what two of them do at once may count as one: relaxed.
struct Habit {
  std::atomic<uint64_t> freed_ms;      // last free without an allocation since; 0: none
  std::atomic<uint32_t> interval_ms8;  // mean time from a free to the next allocation, in eighths of a ms; 0: not known
};
constinit Habit g_habits[kSiteSlots];

// Of a MiB, page by page. 0: not measured; whoever measures stores it, relaxed.
constinit std::atomic<uint64_t> g_faults_ns{0};

uint64_t pages_of_a_mib() { return kMiB / os::page_size(); }

uint64_t faults_ns() {
  uint64_t ns = g_faults_ns.load(std::memory_order_relaxed);
  if (ns == 0) {
    ns = os::measure_fault_ns() * pages_of_a_mib();
    g_faults_ns.store(ns, std::memory_order_relaxed);
  }
  return ns;
}

// When rent and price are equal. The size cancels out.
uint64_t break_even_ms() {
  const uint64_t price = conf::config().price;  // µs per MiB and second
  if (price == 0) return conf::kOff;
  return faults_ns() / price;  // ns per MiB / (µs / s) = ms
}

}  // namespace

void note_free(Site site, uint64_t now_ms) {
  g_habits[slot_of(site)].freed_ms.store(now_ms, std::memory_order_relaxed);
}

void note_allocation(Site site, uint64_t now_ms) {
  Habit& habit = g_habits[slot_of(site)];
  const uint64_t freed = habit.freed_ms.load(std::memory_order_relaxed);
  if (freed == 0) return;
  habit.freed_ms.store(0, std::memory_order_relaxed);
  constexpr uint64_t kLongest = 60'000;
  const uint64_t passed = now_ms > freed ? now_ms - freed : 0;  // another thread may have looked at the clock later
  const uint64_t interval = passed < kLongest ? passed : kLongest;
  const uint32_t mean = habit.interval_ms8.load(std::memory_order_relaxed);
  const uint64_t fresh = interval * 8 + 1;  // + 1: known
  habit.interval_ms8.store(static_cast<uint32_t>(mean == 0 ? fresh : (uint64_t{mean} * 3 + fresh) / 4),
                           std::memory_order_relaxed);
}

uint64_t keep_ms(Site site) {
  const uint64_t decay = conf::config().decay_ms;
  const uint64_t even = break_even_ms();
  const uint64_t most = even < decay ? even : decay;
  const uint32_t mean = g_habits[slot_of(site)].interval_ms8.load(std::memory_order_relaxed);
  if (mean == 0 || most == conf::kOff) return most;
  const uint64_t interval = mean / 8;
  if (interval > most) return 0;
  const uint64_t soon = interval * 4 + 1;
  return soon < most ? soon : most;
}

uint64_t fault_ns() { return faults_ns() / pages_of_a_mib(); }

}  // namespace hak::big
