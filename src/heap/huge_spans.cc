#include "heap/huge_spans.h"

#include <atomic>

#include "conf/config.h"
#include "heap/limit.h"
#include "map/super_slab.h"
#include "os/memory.h"

namespace hak {
namespace {

constexpr int64_t kFirstBudget = 4;  // SuperSlabs
constexpr int64_t kCredit = 4;       // times a block that was found filled
constexpr uint64_t kShare = 4;       // of HAKMEM_HUGE_FROM, since slabs fill less of a SuperSlab

// What is known of the blocks of one kind. All relaxed: hints. Where two threads meet a block is looked at twice or not
// at all.
struct Evidence {
  std::atomic<int64_t> budget;   // SuperSlabs
  std::atomic<uint64_t> newest;  // block whose first SuperSlab has small pages: that | its size << 32
};
constinit Evidence g_evidence[] = {{kFirstBudget, 0}, {0, 0}};  // by Contents

bool is_worth_it(uint64_t units) {
  const uint64_t from = conf::config().huge_from_bytes / kShare;
  return units >= kSuperUnits && g_limit_units == 0 && bytes(map::used_units() + Units{units}).n >= from;
}

// Seven eighths of it were touched.
bool is_filled(uint32_t super) {
  const size_t pages = kSuperBytes / os::page_size();
  return os::resident_pages(map::address_of(super * kSuperUnits), kSuperBytes) >= pages / 8 * 7;
}

// A block that isn't filled may be later: it stays the one to look at.
void look_at_newest(Evidence& known) {
  uint64_t newest = known.newest.load(std::memory_order_relaxed);
  if (newest == 0 || !is_filled(static_cast<uint32_t>(newest))) return;
  if (!known.newest.compare_exchange_strong(newest, 0, std::memory_order_relaxed)) return;
  known.budget.fetch_add(kCredit * static_cast<int64_t>(newest >> 32), std::memory_order_relaxed);
}

bool can_afford(const Evidence& known, int64_t supers) {
  return known.budget.load(std::memory_order_relaxed) >= supers + kFirstBudget;
}

void ask(Evidence& known, uint32_t first_super, int64_t supers) {
  if (supers <= 0) return;
  known.budget.fetch_sub(supers, std::memory_order_relaxed);
  map::ask_huge(first_super * kSuperUnits, Units{static_cast<uint64_t>(supers) * kSuperUnits});
}

}  // namespace

void ask_huge_for_block(const map::Span& span, Contents contents) {
  if (!is_worth_it(span.units) || span.first % kSuperUnits != 0) return;
  Evidence& known = g_evidence[static_cast<unsigned>(contents)];
  const uint32_t first = span.first / kSuperUnits;
  const auto supers = static_cast<int64_t>(span.units / kSuperUnits);
  if (!can_afford(known, supers)) look_at_newest(known);
  if (can_afford(known, supers)) return ask(known, first, supers);
  const int64_t budget = known.budget.load(std::memory_order_relaxed);
  ask(known, first + 1, budget < supers - 1 ? budget : supers - 1);
  known.newest.store(first | static_cast<uint64_t>(supers) << 32, std::memory_order_relaxed);
}

void ask_huge_for_growth(const map::Span& span, uint64_t before) {
  const uint64_t now = map::units_in_use(span);
  if (now <= before || !is_worth_it(now)) return;
  map::ask_huge(span.first + static_cast<uint32_t>(before), Units{now - before});
}

}  // namespace hak
