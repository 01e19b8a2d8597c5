#include "large/pool.h"

#include <atomic>
#include <bit>

#include "map/purge.h"
#include "os/lock.h"

namespace hak::large {
namespace {

struct alignas(kCacheLine) Shard {
  os::Lock lock{os::Rank::large};
  map::Span* lists[kLargeClasses] = {};
};
constinit Shard g_shards[kSiteSlots];

// Bits are set and cleared under their shard's lock, and looked at without it: a stale one costs a look, so relaxed.
constinit std::atomic<uint64_t> g_nonempty[kLargeClasses];

// Counted with each put and take; policies read it as of some moment: relaxed.
constinit std::atomic<uint64_t> g_idle_units{0};

void set_list(unsigned s, unsigned c, map::Span* list) {
  g_shards[s].lists[c] = list;
  const uint64_t bit = uint64_t{1} << s;
  if (list != nullptr) g_nonempty[c].fetch_or(bit, std::memory_order_relaxed);
  else g_nonempty[c].fetch_and(~bit, std::memory_order_relaxed);
}

Taken take_from(unsigned s, unsigned c, unsigned most) {
  const os::LockGuard guard(g_shards[s].lock);
  Taken taken{.list = g_shards[s].lists[c]};
  if (taken.list == nullptr) return taken;
  map::Span* last = taken.list;
  for (taken.count = 1; taken.count < most && last->next != nullptr; taken.count++) last = last->next;
  set_list(s, c, last->next);
  last->next = nullptr;
  g_idle_units.fetch_sub(taken.count * span_class_units(c), std::memory_order_relaxed);
  return taken;
}

// What is older than `ticks` at the end of a list, cut off it. Lists are nearly in order of age, newest first.
map::Span* cut_stale(map::Span** list, uint32_t ticks) {
  const uint32_t now = map::g_tick.load(std::memory_order_relaxed);
  map::Span** end = list;
  while (*end != nullptr && now - (*end)->tick < ticks) end = &(*end)->next;
  map::Span* const stale = *end;
  *end = nullptr;
  return stale;
}

}  // namespace

Taken take(unsigned c, Site site, unsigned most) {
  const unsigned home = slot_of(site);
  uint64_t left = ~uint64_t{0};  // shards not found empty yet, rotated so that the site's own is bit 0
  for (;;) {
    const uint64_t mask = std::rotr(g_nonempty[c].load(std::memory_order_relaxed), static_cast<int>(home)) & left;
    if (mask == 0) return {};
    const unsigned step = static_cast<unsigned>(std::countr_zero(mask));
    Taken taken = take_from((home + step) % kSiteSlots, c, most);
    taken.from = step == 0 ? From::shard : From::steal;
    if (taken.count != 0) return taken;
    left &= ~(uint64_t{1} << step);
  }
}

void put(unsigned c, map::Span* list, unsigned count) {
  const uint32_t now = map::g_tick.load(std::memory_order_relaxed);
  map::Span* last = list;
  for (last->tick = now; last->next != nullptr; last->tick = now) last = last->next;
  const unsigned s = slot_of(list->site);
  const os::LockGuard guard(g_shards[s].lock);
  last->next = g_shards[s].lists[c];
  set_list(s, c, list);
  g_idle_units.fetch_add(count * span_class_units(c), std::memory_order_relaxed);
}

void decay(uint32_t ticks) {
  const map::Drop why = ticks == 0 ? map::Drop::wanted : map::Drop::idle;
  for (unsigned c = 0; c < kLargeClasses; c++) {
    for (uint64_t mask = g_nonempty[c].load(std::memory_order_relaxed); mask != 0; mask &= mask - 1) {
      const unsigned s = static_cast<unsigned>(std::countr_zero(mask));
      map::Span* stale;
      {
        const os::LockGuard guard(g_shards[s].lock);
        map::Span* list = g_shards[s].lists[c];
        stale = cut_stale(&list, ticks);
        set_list(s, c, list);
      }
      while (stale != nullptr) {
        map::Span* const next = stale->next;
        const uint64_t units = stale->units;
        map::give_span(*stale, map::Age::aged, why);
        g_idle_units.fetch_sub(units, std::memory_order_relaxed);  // idle until others can have it: heap/limit waits
        stale = next;
      }
    }
  }
}

Units idle_units() { return {g_idle_units.load(std::memory_order_relaxed)}; }

void repair_after_fork() {
  uint64_t units = 0;  // another thread may have been between a list and the count
  for (unsigned s = 0; s < kSiteSlots; s++) {
    const bool is_torn = g_shards[s].lock.held_by_another();
    for (unsigned c = 0; c < kLargeClasses; c++) {
      if (is_torn) set_list(s, c, nullptr);
      for (const map::Span* span = g_shards[s].lists[c]; span != nullptr; span = span->next) units += span->units;
    }
    if (is_torn) g_shards[s].lock.reset_after_fork();
  }
  g_idle_units.store(units, std::memory_order_relaxed);
}

}  // namespace hak::large
