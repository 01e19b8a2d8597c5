#include "map/super_slab.h"

#include <atomic>
#include <bit>

#include "base/bits.h"
#include "base/check.h"
#include "base/count.h"
#include "base/list.h"
#include "map/empty_supers.h"
#include "map/page_map.h"
#include "map/span.h"
#include "os/limits.h"
#include "os/memory.h"

namespace hak::map {
namespace {

constexpr uint32_t kAllFree = ~0u;
constexpr unsigned kMostLooks = 8;    // SuperSlabs of one fill that are tried for a run before a emptier fill is
constexpr uint32_t kMostGrowth = 32;  // SuperSlabs mapped ahead at most: 64 MiB

// Partly used SuperSlabs of one kind, by number of free units; bit n of `nonempty` says that list n has one.
struct alignas(kCacheLine) Shelf {
  uint32_t nonempty = 0;
  List<SuperSlab> by_free[kSuperUnits];

  // n: its free units.
  void add(SuperSlab* super, unsigned n) {
    by_free[n].push(super);
    nonempty |= 1u << n;
  }
  void remove(SuperSlab* super, unsigned n) {
    by_free[n].remove(super);
    if (by_free[n].empty()) nonempty &= ~(1u << n);
  }
};

// All under the map lock; the counts are also read without it. What changes with every run lies in one cache line, which
// goes from thread to thread.
struct alignas(kCacheLine) State {
  std::atomic<uint64_t> dirty{0};  // relaxed: policies read them as of some moment
  std::atomic<uint64_t> used{0};
  std::atomic<uint64_t> in_purge{0};  // of those: what take_dirty() gave
  EmptySupers empty;
  Shelf shelves[2];  // slabs, spans
};
constinit State g_state;

Shelf& shelf_of(Kind kind) { return g_state.shelves[kind == Kind::slabs ? 0 : 1]; }

uint32_t index_of(const SuperSlab* super) { return static_cast<uint32_t>(super - g_window.supers); }

void check_held() {
  if constexpr (kDebug) debug_check(g_map_lock.held_by_me(), "units change hands under the map lock");
}

// Changes the masks and moves the SuperSlab to where they say it belongs. more_free, more_dirty: units, as the masks say.
void change_free(SuperSlab* super, uint32_t free, int more_free, uint32_t dirty, int more_dirty) {
  const unsigned before = bits_set(super->free);
  const unsigned after = before + static_cast<unsigned>(more_free);
  if (before == kSuperUnits) g_state.empty.remove(index_of(super));
  else if (before != 0) shelf_of(super->kind).remove(super, before);
  add_alone(g_state.used, -more_free);
  add_alone(g_state.dirty, more_dirty);
  super->free = free;
  super->dirty = dirty;
  super->aged &= dirty;
  if (after == kSuperUnits) {
    super->kind = Kind::none;
    g_state.empty.add(index_of(super));
  } else if (after != 0) {
    shelf_of(super->kind).add(super, after);
  }
}

int count_of(uint32_t mask) { return static_cast<int>(bits_set(mask)); }

// mask: free units, which become used.
void take_bits(SuperSlab* super, uint32_t mask, int count) {
  const uint32_t dirty = super->dirty & mask;
  const int fewer_dirty = dirty == 0 ? 0 : dirty == mask ? count : count_of(dirty);
  change_free(super, super->free & ~mask, -count, super->dirty & ~mask, -fewer_dirty);
}

// mask: used units, which become free; those of `dirty` dirty.
void give_bits(SuperSlab* super, uint32_t mask, int count, uint32_t dirty) {
  const int more_dirty = dirty == 0 ? 0 : dirty == mask ? count : count_of(dirty);
  change_free(super, super->free | mask, count, super->dirty | dirty, more_dirty);
}

bool is_huge(const SuperSlab* super) { return super->huge.load(std::memory_order_relaxed); }

UnitRun take_mask(SuperSlab* super, unsigned first, unsigned count) {
  const uint32_t mask = bit_run(first, count);
  debug_check((super->free & mask) == mask, "units that are taken are free");
  const bool clean = (super->dirty & mask) == 0;
  take_bits(super, mask, static_cast<int>(count));
  return {index_of(super) * kSuperUnits + first, count, clean, is_huge(super)};
}

// Where in this SuperSlab a run fits; 32: nowhere.
unsigned place_in(const SuperSlab* super, unsigned count, uint32_t aligned, EmptySupers::Among among) {
  const uint32_t mask = among == EmptySupers::Among::resident    ? super->dirty
                        : among == EmptySupers::Among::untouched ? super->free & ~super->dirty
                                                                 : super->free;
  return static_cast<unsigned>(std::countr_zero(run_starts(mask, count) & aligned));
}

// Calls part(SuperSlab, its first unit among them, how many) for each SuperSlab that the units lie in, until one says false.
template <class Part>
bool for_each_part(uint64_t first, uint64_t count, Part part) {
  for (uint64_t unit = first, end = first + count; unit < end;) {
    const unsigned from = static_cast<unsigned>(unit % kSuperUnits);
    const uint64_t here = end - unit < kSuperUnits - from ? end - unit : kSuperUnits - from;
    if (!part(&g_window.supers[unit / kSuperUnits], from, static_cast<unsigned>(here))) return false;
    unit += here;
  }
  return true;
}

UnitRun take_from_shelf(Shelf& shelf, unsigned count, uint32_t aligned, EmptySupers::Among among) {
  for (uint32_t fills = shelf.nonempty >> count << count; fills != 0; fills &= fills - 1) {
    SuperSlab* super = shelf.by_free[std::countr_zero(fills)].head;
    for (unsigned looks = 0; super != nullptr && looks < kMostLooks; super = super->next, looks++) {
      const unsigned first = place_in(super, count, aligned, among);
      if (first < kSuperUnits) return take_mask(super, first, count);
    }
  }
  return {};
}

void set_huge(SuperSlab* super, bool wanted) {
  if (wanted == is_huge(super)) return;
  const os::Huge huge = wanted ? os::Huge::yes : os::Huge::no;
  if (os::advise_huge(address_of(index_of(super) * kSuperUnits), kSuperBytes, huge))
    super->huge.store(wanted, std::memory_order_relaxed);
}

// An empty SuperSlab changes its kind: slabs fill it, and keep its huge page; spans have to ask anew.
void set_kind(SuperSlab* super, Kind kind, os::Huge huge = os::Huge::no) {
  super->kind = kind;
  if (super->dirty != 0) return;
  set_huge(super, kind == Kind::slabs && (is_huge(super) || huge == os::Huge::yes));
}

// `supers` whole SuperSlabs from `first` on, of which the last gives only `tail` units (0: all).
UnitRun take_supers(uint32_t first, uint32_t supers, unsigned tail, Kind kind, os::Huge huge) {
  const uint32_t units = tail == 0 ? supers * kSuperUnits : (supers - 1) * kSuperUnits + tail;
  UnitRun run{first * kSuperUnits, units, true, true};
  for (uint32_t i = 0; i < supers; i++) {
    SuperSlab* const super = &g_window.supers[first + i];
    set_kind(super, kind, huge);
    const unsigned count = i + 1 == supers && tail != 0 ? tail : kSuperUnits;
    const UnitRun part = take_mask(super, 0, count);
    run.clean &= part.clean;
    run.huge &= part.huge;
  }
  return run;
}

// Maps new SuperSlabs: what is needed and, in a grown heap, some ahead, so that mappings and calls stay few. Without huge
// pages until they are asked for: where THP is always on the first block of a process would cost 2 MiB.
bool grow(uint32_t supers) {
  uint32_t ahead = frontier() / 8;
  if (ahead > kMostGrowth) ahead = kMostGrowth;
  uint32_t got = 0;
  const uint32_t first = grow_window(supers, supers > ahead ? supers : ahead, &got);
  if (first == kNoSuper) return false;
  os::advise_huge(address_of(first * kSuperUnits), uint64_t{got} << kSuperShift, os::Huge::no);
  for (uint32_t i = 0; i < got; i++) g_state.empty.add(first + i);
  return true;
}

// As take_units, from what is mapped, among all free units or only resident ones. The map lock is held.
UnitRun take_among(unsigned count, unsigned align, Kind kind, EmptySupers::Among among, os::Huge huge = os::Huge::no) {
  const uint32_t supers = (count + kSuperUnits - 1) / kSuperUnits;
  const unsigned tail = count % kSuperUnits;
  const uint32_t super_align = align > kSuperUnits ? align / kSuperUnits : 1;
  if (supers == 1 && tail != 0 && align <= kSuperUnits) {
    const UnitRun run = take_from_shelf(shelf_of(kind), tail, every(align), among);
    if (run.count != 0) return run;
  }
  const uint32_t last = tail == 0 ? kAllFree : bit_run(0, tail);
  const uint32_t first = g_state.empty.find(supers, super_align, among, last);
  return first == kNoSuper ? UnitRun{} : take_supers(first, supers, tail, kind, huge);
}

UnitRun take_resident(unsigned count, unsigned align, Kind kind) {
  if (g_state.dirty.load(std::memory_order_relaxed) < count) return {};
  return take_among(count, align, kind, EmptySupers::Among::resident);
}

// What is resident costs no page fault and no memory: it comes first, wherever it lies.
UnitRun take_mapped(unsigned count, unsigned align, Kind kind, os::Huge huge) {
  const UnitRun run = take_resident(count, align, kind);
  return run.count != 0 ? run : take_among(count, align, kind, EmptySupers::Among::all, huge);
}

// Takes the units from `first` on, which are free, whatever SuperSlabs they lie in.
UnitRun take_across(uint32_t first, unsigned count, Kind kind) {
  bool clean = true;
  for_each_part(first, count, [&](SuperSlab* super, unsigned from, unsigned n) {
    if (super->kind == Kind::none) set_kind(super, kind);
    clean &= take_mask(super, from, n).clean;
    return true;
  });
  return {first, count, clean, false};
}

// When the system gives no more: any free units will do, in SuperSlabs of the other kind and across several. Looks at
// every unit.
UnitRun take_anywhere(unsigned count, unsigned align, Kind kind) {
  const uint64_t base = g_window_base >> kUnitShift;
  unsigned run = 0;
  for (uint32_t unit = 0; unit < frontier() * kSuperUnits; unit++) {
    const SuperSlab& super = g_window.supers[unit / kSuperUnits];
    const bool usable = super.kind != Kind::lost && (super.free >> (unit % kSuperUnits) & 1) != 0;
    if (!usable || (run == 0 && ((base + unit) & (align - 1)) != 0)) {
      run = 0;
      continue;
    }
    if (++run == count) return take_across(unit + 1 - count, count, kind);
  }
  return {};
}

}  // namespace

UnitRun take_units_held(Units count, Units align, Kind kind, Growth growth, os::Huge huge) {
  check_held();
  const uint64_t supers = (count.n + kSuperUnits - 1) / kSuperUnits;
  const uint64_t more = align.n > kSuperUnits ? align.n / kSuperUnits - 1 : 0;
  if (supers + more > g_window.total_supers) return {};
  const unsigned n = static_cast<unsigned>(count.n);
  const unsigned a = static_cast<unsigned>(align.n);
  if (growth == Growth::resident) return take_resident(n, a, kind);
  const bool is_picky = growth == Growth::untouched || growth == Growth::roomy;
  const auto take = [=] {
    return is_picky ? take_among(n, a, kind, EmptySupers::Among::untouched) : take_mapped(n, a, kind, huge);
  };
  UnitRun run = take();
  if (run.count != 0 || growth <= Growth::forbidden) return run;
  if (grow(static_cast<uint32_t>(supers + more))) run = take();
  else if (is_picky) run = take_mapped(n, a, kind, huge);
  return run.count != 0 ? run : take_anywhere(n, a, kind);
}

UnitRun take_units(Units count, Units align, Kind kind, Growth growth, os::Huge huge) {
  const os::LockGuard guard(g_map_lock);
  return take_units_held(count, align, kind, growth, huge);
}

void ask_huge(uint32_t first, Units count) {
  const os::LockGuard guard(g_map_lock);
  const uint64_t end = (first + count.n) / kSuperUnits;
  for (uint64_t super = (first + kSuperUnits - 1) / kSuperUnits; super < end; super++)
    set_huge(&g_window.supers[super], true);
}

void keep_small(uint32_t first, Units count) {
  const uint64_t end = (first + count.n + kSuperUnits - 1) / kSuperUnits;
  for (uint64_t i = first / kSuperUnits; i < end; i++) {
    SuperSlab* const super = &g_window.supers[i];
    if (!is_huge(super)) continue;
    const os::LockGuard guard(g_map_lock);
    set_huge(super, false);
    const uint32_t brought = super->free & ~super->dirty;  // by the huge page
    change_free(super, super->free, 0, super->free, count_of(brought));
  }
}

// Where only a part of a SuperSlab was moved to, the other part keeps what it was advised.
void note_moved(uint32_t from, uint32_t to, Units count) {
  const os::LockGuard guard(g_map_lock);
  for (uint64_t unit = to, end = to + count.n; unit < end;) {
    SuperSlab* const super = &g_window.supers[unit / kSuperUnits];
    const uint64_t next = (unit / kSuperUnits + 1) * kSuperUnits;
    bool was_huge = false;
    for (uint64_t u = unit; u < next && u < end; u++)
      was_huge |= is_huge(&g_window.supers[(from + (u - to)) / kSuperUnits]);
    const bool is_whole = unit % kSuperUnits == 0 && next <= end;
    if (is_whole || was_huge) super->huge.store(was_huge, std::memory_order_relaxed);
    unit = next;
  }
}

void give_units_held(uint32_t first, Units count, Age age) {
  check_held();
  for_each_part(first, count.n, [age](SuperSlab* super, unsigned from, unsigned n) {
    const uint32_t mask = bit_run(from, n);
    debug_check((super->free & mask) == 0, "units that are given back were in use");
    give_bits(super, mask, static_cast<int>(n), age == Age::untouched ? 0 : mask);
    if (age == Age::aged) super->aged |= mask;
    return true;
  });
}

void give_units(uint32_t first, Units count, Age age) {
  const os::LockGuard guard(g_map_lock);
  give_units_held(first, count, age);
}

namespace {

// Makes the window reach `end`, where all that is missing comes behind `first`.
bool reach(uint64_t first, uint64_t end) {
  const uint64_t mapped = uint64_t{frontier()} * kSuperUnits;
  if (end <= mapped) return true;
  if (first > mapped || end > uint64_t{g_window.total_supers} * kSuperUnits) return false;
  const uint32_t before = frontier();
  const uint64_t supers = (end - mapped + kSuperUnits - 1) / kSuperUnits;
  return grow(static_cast<uint32_t>(supers)) && g_window.supers[before].kind != Kind::lost;
}

}  // namespace

bool take_units_at_held(uint32_t first, Units count) {
  check_held();
  if (!reach(first, first + count.n)) return false;
  const bool all_free = for_each_part(first, count.n, [](const SuperSlab* super, unsigned from, unsigned n) {
    const uint32_t mask = bit_run(from, n);
    return super->kind != Kind::lost && super->kind != Kind::slabs && (super->free & mask) == mask;
  });
  if (!all_free) return false;
  for_each_part(first, count.n, [](SuperSlab* super, unsigned from, unsigned n) {
    if (super->kind == Kind::none) set_kind(super, Kind::spans);
    take_mask(super, from, n);
    return true;
  });
  return true;
}

UnitCounts count_units() {
  const os::LockGuard guard(g_map_lock);
  UnitCounts counts{};
  for (uint32_t i = 0; i < frontier(); i++) {
    const SuperSlab& super = g_window.supers[i];
    const unsigned clean = bits_set(super.free & ~super.dirty);
    if (super.kind == Kind::lost) {
      counts.lost += kSuperUnits;
    } else {
      counts.clean += clean;
      if (is_huge(&super) && clean < kSuperUnits) counts.huge_clean += clean;
    }
  }
  counts.dirty = g_state.dirty.load(std::memory_order_relaxed);
  counts.used = g_state.used.load(std::memory_order_relaxed);
  return counts;
}

bool is_huge_at(uint32_t unit) { return is_huge(&g_window.supers[unit / kSuperUnits]); }

Units dirty_units() { return {g_state.dirty.load(std::memory_order_relaxed)}; }
Units used_units() {
  const uint64_t used = g_state.used.load(std::memory_order_relaxed);
  const uint64_t in_purge = g_state.in_purge.load(std::memory_order_relaxed);
  return {used > in_purge ? used - in_purge : 0};
}

DirtyMask take_dirty(Age age, uint32_t* from) {
  const os::LockGuard guard(g_map_lock);
  for (uint32_t i = *from; i < frontier(); i++) {
    SuperSlab* const super = &g_window.supers[i];
    uint32_t mask = age == Age::aged ? super->aged : super->dirty;
    if (mask == 0) continue;
    *from = i + 1;
    if (is_huge(super)) mask |= super->free & ~super->dirty;  // the huge page brought them too
    if (mask != kAllFree) set_huge(super, false);
    if (super->kind == Kind::none) super->kind = Kind::spans;  // it isn't empty while its units are away
    take_bits(super, mask, count_of(mask));
    add_alone(g_state.in_purge, bits_set(mask));
    return {i, mask};
  }
  *from = frontier();
  return {};
}

void purged_units(DirtyMask taken, uint32_t refused_mask) {
  const os::LockGuard guard(g_map_lock);
  SuperSlab* const super = &g_window.supers[taken.super];
  give_bits(super, taken.mask, count_of(taken.mask), refused_mask);
  add_alone(g_state.in_purge, -int64_t{bits_set(taken.mask)});
}

void age_dirty() {
  const os::LockGuard guard(g_map_lock);
  for (uint32_t i = 0; i < frontier(); i++) g_window.supers[i].aged = g_window.supers[i].dirty;
}

namespace {

// Marks the units of one slab's unit, or of a whole span, as in use.
void mark_used(uint32_t first, uint64_t count, Kind kind) {
  for (uint64_t unit = first, end = first + count; unit < end; unit++) {
    SuperSlab& super = g_window.supers[unit / kSuperUnits];
    super.free &= ~(1u << (unit % kSuperUnits));
    if (super.kind != Kind::spans) super.kind = kind;
  }
}

void mark_all_used() {
  const uint32_t units = frontier() * kSuperUnits;
  for (uint32_t unit = 0; unit < units; unit++) {
    const PageEntry& entry = entry_of_unit(unit);
    const uintptr_t owner = entry.owner.load(std::memory_order_relaxed);
    if (owner == kNothing) continue;
    if (owner == kSpan) mark_used(unit, reinterpret_cast<const Span*>(line_of_unit(unit))->units, Kind::spans);
    else mark_used(unit, 1, Kind::slabs);
  }
}

}  // namespace

void rebuild_super_slabs() {
  for (Shelf& shelf : g_state.shelves) shelf = {};
  g_state.empty.clear();
  for (uint32_t i = 0; i < frontier(); i++) {
    SuperSlab& super = g_window.supers[i];
    if (super.kind == Kind::lost) continue;
    super.next = super.prev = nullptr;
    super.kind = Kind::none;
    super.free = kAllFree;
    super.aged = 0;
  }
  mark_all_used();
  uint64_t used = 0;
  uint64_t dirty = 0;
  for (uint32_t i = 0; i < frontier(); i++) {
    SuperSlab& super = g_window.supers[i];
    if (super.kind == Kind::lost) continue;
    super.dirty = super.free;  // nothing says what was touched
    used += bits_set(~super.free);
    dirty += bits_set(super.dirty);
    if (super.free == kAllFree) g_state.empty.add(i);
    else if (super.free != 0) shelf_of(super.kind).add(&super, bits_set(super.free));
  }
  g_state.used.store(used, std::memory_order_relaxed);
  g_state.in_purge.store(0, std::memory_order_relaxed);
  g_state.dirty.store(dirty, std::memory_order_relaxed);
}

const char* broken_super_slab_rule() {
  const os::LockGuard guard(g_map_lock);
  uint64_t used = 0;
  uint64_t dirty = 0;
  for (uint32_t i = 0; i < frontier(); i++) {
    const SuperSlab& super = g_window.supers[i];
    if (super.kind == Kind::lost) continue;
    used += bits_set(~super.free);
    dirty += bits_set(super.dirty);
    if ((super.dirty & ~super.free) != 0) return "SuperSlab: dirty is a subset of free";
    if ((super.aged & ~super.dirty) != 0) return "SuperSlab: aged is a subset of dirty";
    if ((super.free == kAllFree) != g_state.empty.contains(i)) return "SuperSlab: the map of empty ones is right";
    if (super.free != kAllFree && super.kind == Kind::none) return "SuperSlab: one in use has a kind";
  }
  if (used != g_state.used.load(std::memory_order_relaxed)) return "SuperSlabs: the count of used units is right";
  if (dirty != g_state.dirty.load(std::memory_order_relaxed)) return "SuperSlabs: the count of dirty units is right";
  return nullptr;
}

}  // namespace hak::map
