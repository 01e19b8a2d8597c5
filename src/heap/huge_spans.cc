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

// Both relaxed: hints. Where two threads meet a block is looked at twice or not at all.
constinit std::atomic<int64_t> g_budget{kFirstBudget};  // SuperSlabs
constinit std::atomic<uint64_t> g_newest{0};  // block whose first SuperSlab has small pages: that | its size << 32

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
void look_at_newest() {
  uint64_t newest = g_newest.load(std::memory_order_relaxed);
  if (newest == 0 || !is_filled(static_cast<uint32_t>(newest))) return;
  if (!g_newest.compare_exchange_strong(newest, 0, std::memory_order_relaxed)) return;
  g_budget.fetch_add(kCredit * static_cast<int64_t>(newest >> 32), std::memory_order_relaxed);
}

bool can_afford(int64_t supers) { return g_budget.load(std::memory_order_relaxed) >= supers + kFirstBudget; }

void ask(uint32_t first_super, int64_t supers) {
  if (supers <= 0) return;
  g_budget.fetch_sub(supers, std::memory_order_relaxed);
  map::ask_huge(first_super * kSuperUnits, Units{static_cast<uint64_t>(supers) * kSuperUnits});
}

}  // namespace

void ask_huge_for_block(const map::Span& span) {
  if (!is_worth_it(span.units) || span.first % kSuperUnits != 0) return;
  const uint32_t first = span.first / kSuperUnits;
  const auto supers = static_cast<int64_t>(span.units / kSuperUnits);
  if (!can_afford(supers)) look_at_newest();
  if (can_afford(supers)) return ask(first, supers);
  const int64_t budget = g_budget.load(std::memory_order_relaxed);
  ask(first + 1, budget < supers - 1 ? budget : supers - 1);
  g_newest.store(first | static_cast<uint64_t>(supers) << 32, std::memory_order_relaxed);
}

void ask_huge_for_growth(const map::Span& span, uint64_t before) {
  const uint64_t now = map::units_in_use(span);
  if (now <= before || !is_worth_it(now)) return;
  map::ask_huge(span.first + static_cast<uint32_t>(before), Units{now - before});
}

}  // namespace hak
