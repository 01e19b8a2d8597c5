#include "heap/refill.h"

#include <iterator>
#include <utility>

#include "conf/config.h"
#include "guard/report.h"
#include "heap/background.h"
#include "heap/help.h"
#include "heap/limit.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "map/super_slab.h"
#include "os/memory.h"
#include "slab/populate.h"
#include "slab/sparse.h"

namespace hak {
namespace {

// Empty slabs that a heap keeps for the next refill: 4 MiB of them, and one unit in two of its slabs. What isn't used
// again within a decay period goes back on the heartbeat.
constexpr uint32_t kEmptyUnitsKept = 64;
constexpr uint32_t kEmptyShare = 2;

constexpr uint32_t kAheadShare = 32;  // of what a class has in use: carved for one refill at most, beyond a page

constexpr uint32_t kFewBlocks = 64;  // a slab with more takes long to link at once

// HAKMEM_TINY_USE_SUPERSLAB=0, which shows what packing is worth: a tiny slab's unit comes untouched from the system, page
// by page, and goes back with a call of its own as soon as the slab is empty.
bool comes_singly(unsigned c) { return c < kTinyClasses && !conf::config().tiny_use_superslab; }

bool hand_out_carved(Heap& heap, unsigned c, Slab& s, uint32_t most) {
  Block* list = nullptr;
  const uint32_t n = carve(s, most, &list);
  if (n == 0) return false;
  heap.carved_bytes += uint64_t{n} * s.block_bytes;
  hand_out(heap, c, s, list, n);
  return true;
}

// Fresh blocks for one refill: a page of them, and where the class has much in use more, a unit at most. Freed blocks serve
// again when the bundle is used up, between fresh ones: the longer it is, the longer the rows in which objects that are made
// one after the other lie, which the processor's prefetching lives on.
uint32_t fresh_bundle(const Slab& s, uint64_t out_bytes) {
  const uint64_t ahead = out_bytes / kAheadShare;
  const uint32_t pages = static_cast<uint32_t>((ahead < kUnitBytes ? ahead : kUnitBytes) / kPageBytes);
  return pages == 0 ? fresh_in_page(s) : fresh_in_page(s) + pages * (kPageBytes / s.block_bytes);
}

bool hand_out_fresh(Heap& heap, unsigned c, Slab& s) {
  if (s.carved == s.blocks) return false;
  const uint64_t out_bytes = heap.classes[c].out * s.block_bytes;
  if (faults_page_by_page(s) && !comes_singly(c)) populate_ahead(s, out_bytes);
  return hand_out_carved(heap, c, s, fresh_bundle(s, out_bytes));
}

bool hand_out_released(Heap& heap, unsigned c, Slab& s) {
  if (s.released == 0) [[likely]]
    return false;
  ClassHeap& ch = heap.classes[c];
  const uint32_t released = s.released;
  const Taken taken = take_released(s);
  ch.out += released - s.released;
  if (ch.out > ch.peak) ch.peak = ch.out;
  heap.free[c] = taken.list;
  ch.handed += taken.count;
  if (taken.freed_twice != nullptr) [[unlikely]]
    report_freed_too_often(taken.freed_twice, &s);
  return taken.list != nullptr;
}

// Another slab is to be the current one. A slab with fresh or released blocks waits among the partial ones; one that
// has nothing left is on no list until its events say that it has.
void retire_current(ClassHeap& ch) {
  Slab* const s = ch.current;
  if (s == nullptr) return;
  ch.current = nullptr;
  if (s->carved < s->blocks || s->released != 0) return ch.partial.add(*s);
  s->state = SlabState::full;
  set_floor(*s, used_blocks(*s) - PartialSlabs::worth_listing(*s));
}

void take_empty(Heap& heap, Slab& s) {
  heap.classes[s.size_class].empty.remove(&s);
  heap.empty_units -= s.units;
  if (heap.empty_units < heap.empty_units_least) heap.empty_units_least = heap.empty_units;
}

void make_current(ClassHeap& ch, Slab& s) {
  retire_current(ch);
  s.state = SlabState::current;
  set_floor(s, 0);
  ch.current = &s;
}

// ---- The stages. Each makes heap.free[c] non-empty, or returns false. ------------------------------------------

bool from_inbox(Heap& heap, unsigned c) {
  if (heap.inbox.empty()) [[likely]]
    return false;
  if (drain_inbox(heap) == 0) return false;
  Slab* const current = heap.classes[c].current;
  return current != nullptr && hand_out_freed(heap, c, *current);
}

bool from_current_freed(Heap& heap, unsigned c) {
  Slab* const current = heap.classes[c].current;
  return current != nullptr && hand_out_freed(heap, c, *current);
}

bool from_current_fresh(Heap& heap, unsigned c) {
  Slab* const current = heap.classes[c].current;
  return current != nullptr && (hand_out_released(heap, c, *current) || hand_out_fresh(heap, c, *current));
}

bool from_partial(Heap& heap, unsigned c) {
  ClassHeap& ch = heap.classes[c];
  Slab* const s = ch.partial.take();
  if (s == nullptr) return false;
  make_current(ch, *s);
  return hand_out_freed(heap, c, *s) || hand_out_released(heap, c, *s) || hand_out_fresh(heap, c, *s);
}

// An emptied slab that class `c` can use, its own before those of others.
Slab* find_empty(Heap& heap, unsigned c) {
  if (Slab* const own = heap.classes[c].empty.head) return own;
  for (ClassHeap& other : heap.classes)
    if (Slab* const s = other.empty.head; s != nullptr && s->units == size_class(c).units) return s;
  return nullptr;
}

// It is cut anew even for its own class: its list has the order in which blocks came back, and walking memory in that
// order costs a cache miss a block, which the processor foresees in address order. A list of few large blocks is taken.
bool from_empty(Heap& heap, unsigned c) {
  if (heap.empty_units == 0 || comes_singly(c)) [[likely]]
    return false;
  Slab* const s = find_empty(heap, c);
  if (s == nullptr) return false;
  take_empty(heap, *s);
  make_current(heap.classes[c], *s);
  if (s->size_class == c && s->blocks <= kFewBlocks && s->released == 0) return hand_out_freed(heap, c, *s);
  heap.carved_bytes -= uint64_t{s->carved} * s->block_bytes;
  recut_slab(*s, c);
  return hand_out_fresh(heap, c, *s);
}

// Huge pages are resident as a whole: not under a limit, and only in a heap that has grown, where slabs are filled: all of
// them as a rule, or those of this class at least, which has filled two SuperSlabs.
os::Huge huge_for(const Heap& heap, unsigned c) {
  if (heap.carved_bytes < conf::config().huge_from_bytes || g_limit_units != 0 || comes_singly(c)) return os::Huge::no;
  const bool dense = heap.carved_bytes >= (uint64_t{heap.slab_units} << kUnitShift) / 8 * 7;
  const bool wanted = dense || heap.classes[c].out * size_class(c).block_bytes >= 2 * kSuperBytes;
  return wanted ? os::Huge::yes : os::Huge::no;
}

map::UnitRun take_units_below_limit(Units units, map::Growth growth, os::Huge huge) {
  const auto take = [units, huge](map::Growth g) {
    return map::take_units(units, Units{1}, map::Kind::slabs, g, huge);
  };
  if (g_limit_units == 0) [[likely]]
    return take(growth);
  const map::UnitRun resident = take(map::Growth::resident);
  if (resident.count != 0) return resident;
  const Promise promise(units);
  return promise.is_granted() ? take(growth) : map::UnitRun{};
}

bool from_new_units(Heap& heap, unsigned c, map::Growth growth) {
  const unsigned units = size_class(c).units;
  const map::UnitRun run = take_units_below_limit(Units{units}, growth, huge_for(heap, c));
  if (run.count == 0) return false;
  heap.slab_units += units;
  Slab& s = make_slab(&heap, c, run);
  make_current(heap.classes[c], s);
  return hand_out_fresh(heap, c, s);
}

// The first slab that a heap ever has of a class may be all that it needs, for a block or two: of untouched memory it takes
// the pages of those, of resident memory all pages, which would serve large blocks. Where so much is free that those can't
// want it all, it is as well used; and where the kernel's pages are as large as the slab it brings all of that either way.
constexpr uint64_t kWantedByLarge = 64;  // units for each thread

bool wants_untouched(const Heap& heap, unsigned c) {
  return heap.classes[c].handed == 0 && huge_for(heap, c) == os::Huge::no &&
         bytes(Units{size_class(c).units}).n > os::page_size() &&
         map::dirty_units().n <= kWantedByLarge * owned_heaps();
}

bool from_units(Heap& heap, unsigned c) {
  const map::Growth growth = wants_untouched(heap, c) ? map::Growth::untouched : map::Growth::forbidden;
  return !comes_singly(c) && from_new_units(heap, c, growth);
}

// Before more memory is asked for: what other threads returned to owners that sleep.
bool from_help(Heap& heap, unsigned c) {
  return help_before_growing() != Units{0} && !comes_singly(c) && from_new_units(heap, c, map::Growth::forbidden);
}

bool from_super_slab(Heap& heap, unsigned c) {
  const bool roomy = comes_singly(c) || wants_untouched(heap, c);
  return from_new_units(heap, c, roomy ? map::Growth::roomy : map::Growth::allowed);
}

struct Stage {
  bool (*fill)(Heap&, unsigned c);
  hakmem_stage served;
};

// clang-format off
constexpr Stage kLadder[] = {  // docs/design.md, "Refill"
    {from_inbox, HAKMEM_STAGE_INBOX},
    {from_current_freed, HAKMEM_STAGE_FREED},
    {from_partial, HAKMEM_STAGE_PARTIAL},
    {from_current_fresh, HAKMEM_STAGE_BUMP},
    {from_empty, HAKMEM_STAGE_EMPTY},
    {from_units, HAKMEM_STAGE_UNITS},
    {from_help, HAKMEM_STAGE_UNITS},
    {from_super_slab, HAKMEM_STAGE_SUPERSLAB},
};
// clang-format on

// ---- The way back. ---------------------------------------------------------------------------------------------

// The heap has got much that is empty, in a process that has some: this may be the thread's last free.
[[gnu::noinline]] void look_for_quiet(const Heap& heap, uint32_t before) {
  const uint32_t much = units_worth_taking();
  if (before >= much || heap.empty_units < much || map::used_units().n < kWorthAThread) return;
  expect_quiet();
  wake_background();
}

void become_empty(Heap& heap, Slab& s) {
  s.state = SlabState::empty;
  if (heap.empty_units >= kEmptyUnitsKept + heap.slab_units / kEmptyShare || comes_singly(s.size_class))
    return give_up_slab(heap, s, map::Age::fresh);
  heap.classes[s.size_class].empty.push(&s);
  const uint32_t before = std::exchange(heap.empty_units, heap.empty_units + s.units);
  if (may_become_worth_taking(before, heap.empty_units)) [[unlikely]]
    look_for_quiet(heap, before);
}

// Out of line: most events are those of a current slab, and save no registers.
[[gnu::noinline]] void change_list(Heap& heap, Slab& s) {
  PartialSlabs& partial = heap.classes[s.size_class].partial;
  if (s.state == SlabState::partial) partial.remove(s);
  if (used_blocks(s) == 0) become_empty(heap, s);
  else partial.add(s);
}

// The ladder as straight code: each stage is inlined where it stands.
template <size_t... kStage>
[[gnu::always_inline]] inline Filled climb(Heap& heap, unsigned c, std::index_sequence<kStage...>) {
  Filled filled;
  static_cast<void>(((kLadder[kStage].fill(heap, c) && (filled.stage = kLadder[kStage].served, true)) || ...));
  return filled;
}

}  // namespace

void report_freed_too_often(const Block* block, const Slab* s) {
  guard::Misuse misuse{.error = guard::Error::double_free, .pointer = block, .function = "free"};
  if (s != nullptr) {
    misuse.tier = tier_of(*s);
    misuse.block_bytes = s->block_bytes;
  }
  guard::report_misuse(misuse);
}

Filled fill(Heap& heap, unsigned c) {
  check_section(heap);
  return climb(heap, c, std::make_index_sequence<std::size(kLadder)>{});
}

void add_fresh(Heap& heap, Slab& s, uint32_t most) {
  check_section(heap);
  hand_out_carved(heap, s.size_class, s, most);
}

// Of blocks that waited a helper may have released some where they were (heap/sparse): the slab has more to hand out than
// its list says, and its next event is due earlier than its floor says.
bool helper_released_of(const Slab& s) { return s.returned != 0 && s.released != 0; }

// A batch of a slab that has not so many blocks out was posted twice, and one that counts none holds a block that its
// owner freed meanwhile. Its links can't be trusted: the rest of the chain is left where it is.
uint32_t drain_inbox(Heap& heap) {
  check_section(heap);
  uint32_t blocks = 0;
  if (heap.left_kib.load(std::memory_order_relaxed) != 0) heap.left_kib.store(0, std::memory_order_relaxed);
  for (Block* at = heap.inbox.drain(); at != nullptr;) {
    Block* next = nullptr;
    const Batch batch = unpack_batch(at, &next);
    auto* const s = reinterpret_cast<Slab*>(map::entry_at(map::offset_of(at)).meta.load(std::memory_order_relaxed));
    if (!may_be_batch(batch, next) || s == nullptr || s->heap != &heap || batch.count > used_blocks(*s)) [[unlikely]] {
      report_freed_too_often(at, s);
      break;
    }
    at->mark = reinterpret_cast<uintptr_t>(s);
    put_back(*s, batch);
    heap.classes[s->size_class].received += batch.count;
    blocks += batch.count;
    const bool is_news = helper_released_of(*s);
    s->returned = 0;  // before it may be given up
    if (is_news && s->state == SlabState::current) set_floor(*s, 0);
    if (event_is_due(*s) || is_news) settle(heap, *s);
    at = next;
  }
  return blocks;
}

void settle(Heap& heap, Slab& s) {
  check_section(heap);
  ClassHeap& ch = heap.classes[s.size_class];
  look_at(ch, s);
  if (s.state != SlabState::current) change_list(heap, s);
}

void withdraw_slab(Heap& heap, Slab& s) {
  check_section(heap);
  ClassHeap& ch = heap.classes[s.size_class];
  if (s.state == SlabState::current) ch.current = nullptr;
  else if (s.state == SlabState::partial) ch.partial.remove(s);
  s.state = SlabState::leaving;
  s.countdown -= static_cast<int32_t>(used_blocks(s));
  look_at(ch, s);
}

void give_up_slab(Heap& heap, Slab& s, map::Age age) {
  check_section(heap);
  heap.carved_bytes -= uint64_t{s.carved} * s.block_bytes;
  heap.slab_units -= s.units;
  if (comes_singly(s.size_class) && os::purge(start_of(s), bytes(Units{s.units}).n)) age = map::Age::untouched;
  release_slab(s, age);
}

Units release_unused_currents(Heap& heap, map::Age age) {
  Units given;
  if (heap.slab_units == 0) return given;  // not to touch the pages of thousands of small threads' classes
  for (ClassHeap& ch : heap.classes) {
    Slab* const s = ch.current;
    if (s == nullptr || used_seen_by_helper(*s) != 0) continue;
    given += Units{s->units};
    withdraw_slab(heap, *s);
    give_up_slab(heap, *s, age);
  }
  return given;
}

void put_back_unused(Heap& heap, Slab& s, Block* block) {
  put_back(s, {block, offset_in(s, block) >> kTinyShift, 1});
  heap.classes[s.size_class].handed--;
  if (event_is_due(s)) settle(heap, s);
}

void release_empty(Heap& heap, uint32_t keep, map::Age age) {
  check_section(heap);
  for (ClassHeap& ch : heap.classes) {
    while (heap.empty_units > keep && !ch.empty.empty()) {
      Slab* const s = ch.empty.head;
      take_empty(heap, *s);
      give_up_slab(heap, *s, age);
    }
  }
}

Units release_unwanted(Heap& heap, uint64_t now_ms, uint64_t period_ms) {
  if (now_ms < heap.next_unwanted_ms) return {};
  heap.next_unwanted_ms = now_ms + period_ms;
  const Units unwanted{heap.empty_units_least};
  release_empty(heap, heap.empty_units - heap.empty_units_least, map::Age::aged);
  heap.empty_units_least = heap.empty_units;
  return unwanted;
}

}  // namespace hak
