#include "big/cache.h"

#include <atomic>
#include <bit>

#include "base/count.h"
#include "big/keep.h"
#include "conf/config.h"
#include "map/purge.h"
#include "os/clock.h"
#include "os/lock.h"

namespace hak::big {
namespace {

// A place belongs to nobody: a span in it is whoever's exchanges it out. exchange is acquire and release: what was
// written to the line before a put is seen after the take.
using Place = std::atomic<map::Span*>;
constinit Place g_places[kBigClasses][kSiteSlots];

// Bit s: place s of the class may have a span. A hint that is set after a put and cleared before a take: a bit too many
// costs a look, one too few, while a put is under way or where a fork cut it off, hides a span until the next decay
// tick looks at all places. Relaxed: the exchange keeps the two in order.
constinit std::atomic<uint64_t> g_taken_places[kBigClasses];

struct alignas(kCacheLine) Bin {
  os::Lock lock{os::Rank::large};
  map::Span* list = nullptr;       // newest first
  std::atomic<uint32_t> count{0};  // written under the lock, looked at without it: relaxed
};
constinit Bin g_bins[kBigClasses];

// Counted with each put and take; policies read it as of some moment: relaxed.
constinit std::atomic<uint64_t> g_idle_units{0};

void count_out(const map::Span& span) { g_idle_units.fetch_sub(span.units, std::memory_order_relaxed); }

void put_into_bin(unsigned k, map::Span& span) {
  Bin& bin = g_bins[k];
  const os::LockGuard guard(bin.lock);
  span.next = bin.list;
  bin.list = &span;
  add_alone(bin.count, 1);
}

map::Span* take_from_bin(unsigned k) {
  Bin& bin = g_bins[k];
  if (bin.count.load(std::memory_order_relaxed) == 0) return nullptr;
  const os::LockGuard guard(bin.lock);
  map::Span* const span = bin.list;
  if (span == nullptr) return nullptr;
  bin.list = span->next;
  add_alone(bin.count, -1);
  return span;
}

// Looks before it exchanges: an empty place stays in the cache of all who look.
map::Span* take_from_place(unsigned k, unsigned s) {
  Place& place = g_places[k][s];
  if (place.load(std::memory_order_relaxed) == nullptr) return nullptr;
  g_taken_places[k].fetch_and(~(uint64_t{1} << s), std::memory_order_relaxed);
  return place.exchange(nullptr, std::memory_order_acq_rel);
}

map::Span* take_from_others(unsigned k) {
  for (uint64_t mask = g_taken_places[k].load(std::memory_order_relaxed); mask != 0; mask &= mask - 1)
    if (map::Span* const span = take_from_place(k, static_cast<unsigned>(std::countr_zero(mask)))) return span;
  return nullptr;
}

void put_into_place(unsigned k, map::Span& span) {
  const unsigned s = slot_of(span.site);
  map::Span* const displaced = g_places[k][s].exchange(&span, std::memory_order_acq_rel);
  g_taken_places[k].fetch_or(uint64_t{1} << s, std::memory_order_relaxed);
  if (displaced != nullptr) put_into_bin(k, *displaced);
}

// In ticks, rounded down: what is kept for a moment only goes with the next tick.
bool is_stale(const map::Span& span) {
  const uint64_t keep = keep_ms(span.site);
  if (keep == conf::kOff) return false;
  const uint64_t age = map::g_tick.load(std::memory_order_relaxed) - span.tick;
  return age * conf::config().decay_ms >= keep * 2 && age > 0;
}

void give_back(map::Span& span, map::Drop why) {
  const uint64_t units = span.units;
  map::give_span(span, map::Age::aged, why);
  g_idle_units.fetch_sub(units, std::memory_order_relaxed);  // idle until others can have it: heap/limit waits
}

// Takes every kept span out of the places in `mask`, since a span in a place may only be looked at by who has it, and
// puts those back that stay.
template <class Leaves>
void sweep_places(unsigned k, uint64_t mask, map::Drop why, Leaves leaves) {
  for (; mask != 0; mask &= mask - 1) {
    map::Span* const span = take_from_place(k, static_cast<unsigned>(std::countr_zero(mask)));
    if (span == nullptr) continue;
    if (leaves(*span)) give_back(*span, why);
    else put_into_place(k, *span);
  }
}

template <class Leaves>
void sweep_bin(unsigned k, map::Drop why, Leaves leaves) {
  Bin& bin = g_bins[k];
  if (bin.count.load(std::memory_order_relaxed) == 0) return;
  map::Span* leaving = nullptr;
  {
    const os::LockGuard guard(bin.lock);
    uint32_t left = 0;
    for (map::Span** at = &bin.list; *at != nullptr;) {
      map::Span* const span = *at;
      if (!leaves(*span)) {
        at = &span->next;
        left++;
        continue;
      }
      *at = span->next;
      span->next = leaving;
      leaving = span;
    }
    bin.count.store(left, std::memory_order_relaxed);
  }
  while (leaving != nullptr) {
    map::Span* const next = leaving->next;
    give_back(*leaving, why);
    leaving = next;
  }
}

constexpr uint64_t kAllPlaces = ~uint64_t{0};
static_assert(kSiteSlots == 64);

// hidden: places that are looked at even where their bit says that they have nothing.
template <class Leaves>
void sweep(uint64_t hidden, map::Drop why, Leaves leaves) {
  if (idle_units() == Units{0}) return;
  for (unsigned k = 0; k < kBigClasses; k++) {
    sweep_places(k, hidden | g_taken_places[k].load(std::memory_order_relaxed), why, leaves);
    sweep_bin(k, why, leaves);
  }
}

// For a child that has no other thread: one of the parent's may have been between a place and the count.
uint64_t units_held() {
  uint64_t units = 0;
  for (unsigned k = 0; k < kBigClasses; k++) {
    for (const Place& place : g_places[k]) {
      const map::Span* const span = place.load(std::memory_order_relaxed);
      if (span != nullptr) units += span->units;
    }
    for (const map::Span* span = g_bins[k].list; span != nullptr; span = span->next) units += span->units;
  }
  return units;
}

}  // namespace

Taken take(unsigned c, Site site) {
  const unsigned k = c - kLargeClasses;
  note_allocation(site, os::coarse_ms());
  Taken taken{take_from_place(k, slot_of(site)), From::site};
  if (taken.span == nullptr) taken = {take_from_bin(k), From::others};
  if (taken.span == nullptr) taken = {take_from_others(k), From::others};
  if (taken.span == nullptr) return {};
  count_out(*taken.span);
  return taken;
}

void put(unsigned c, map::Span& span) {
  note_free(span.site, os::coarse_ms());
  if (keep_ms(span.site) == 0) return map::give_span(span, map::Age::aged, map::Drop::late);
  span.tick = map::g_tick.load(std::memory_order_relaxed);
  g_idle_units.fetch_add(span.units, std::memory_order_relaxed);
  put_into_place(c - kLargeClasses, span);
}

void decay() { sweep(kAllPlaces, map::Drop::idle, is_stale); }

void flush() {
  sweep(0, map::Drop::wanted, [](const map::Span&) { return true; });
}

Units idle_units() { return {g_idle_units.load(std::memory_order_relaxed)}; }

void repair_after_fork() {
  for (Bin& bin : g_bins) {
    if (!bin.lock.held_by_another()) continue;
    bin.list = nullptr;
    bin.count.store(0, std::memory_order_relaxed);
    bin.lock.reset_after_fork();
  }
  if (idle_units() != Units{0}) g_idle_units.store(units_held(), std::memory_order_relaxed);
}

}  // namespace hak::big
