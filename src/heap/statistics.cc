// Nothing is counted on the fast path; what is wanted follows from what slow paths keep:
//
//   listed       blocks on free lists: of heaps (a walk), so nobody's
//   gathered     blocks in outboxes and inboxes: freed by one thread, not yet seen by the owner
//   live         = sum of slabs' used - listed - gathered
//   allocations  = sum of handed - listed
//   misses       = sum of refills, hits = allocations - misses
//   frees        = allocations - live, remote = posted + in outboxes, local = frees - remote
#include "heap/statistics.h"

#include <cstring>

#include "heap/allocate.h"
#include "heap/counted.h"
#include "heap/heap.h"
#include "heap/registry.h"
#include "heap/span_counts.h"
#include "heap/tick.h"
#include "map/super_slab.h"
#include "os/counters.h"
#include "os/memory.h"
#include "slab/sparse.h"

namespace hak {
namespace {

// The links of a list in a running thread may be changing: a bounded walk inside the window.
uint64_t length_of(const Block* list) {
  uint64_t n = 0;
  for (; may_be_block(list) && n < (1u << 20); list = list->next) n++;
  return n;
}

// All that is wanted is a sum, so each part is added to, or taken from, the figures themselves: a table of parts would be too
// large for a small stack.
void add_heap(const Heap& heap, hakmem_class_stats* classes) {
  for (unsigned c = 0; c < kClasses; c++) {
    const ClassHeap& ch = heap.classes[c];
    hakmem_class_stats& sum = classes[c];
    const uint64_t listed = length_of(heap.free[c]);
    sum.allocations += ch.handed - listed;
    sum.live_blocks += ch.received - listed - heap.remote_freed[c];
    sum.frees_remote += heap.remote_freed[c];
    sum.peak_blocks += ch.peak;
    for (unsigned stage = 0; stage < kListStages; stage++) sum.refills[stage] += ch.refills[stage];
  }
  for (unsigned i = 0; i < Outbox::kSlots; i++) {
    const Outbox::Slot& slot = heap.outbox.slots()[i];
    const Slab* const slab = slot.slab;
    if (slab == nullptr || slab->size_class >= kClasses) continue;
    classes[slab->size_class].frees_remote += slot.count();
    classes[slab->size_class].live_blocks -= slot.count();
  }
}

void add_slabs(hakmem_statistics* out) {
  map::for_each_line([out](const map::Line* line, uintptr_t owner) {
    Slab s;
    if (owner == map::kSpan || !copy_slab(line, &s)) return;
    hakmem_class_stats& sum = out->classes[s.size_class];
    sum.live_blocks += static_cast<uint64_t>(used_blocks(s));
    sum.slabs++;
    sum.held_bytes += uint64_t{s.units} << kUnitShift;
    out->os.sparse_bytes += count_released_pages(s) * kPageBytes;
    if (map::is_huge_at(s.first)) out->os.overshoot_bytes += uint64_t{s.blocks - uint32_t{s.carved}} * s.block_bytes;
  });
}

// Where threads run meanwhile, one part of a difference can be older than the other, and the result less than there can be.
uint64_t within(uint64_t least, uint64_t difference, uint64_t most) {
  const bool is_less = static_cast<int64_t>(difference) < static_cast<int64_t>(least);
  return is_less ? least : difference > most ? most : difference;
}

// What follows from the sums: exactly where no thread runs, and otherwise nearly, but never a number below zero.
void derive(unsigned c, hakmem_class_stats* k) {
  k->tier = c < kTinyClasses ? HAKMEM_TIER_TINY : HAKMEM_TIER_MID;
  k->block_size = size_class(c).block_bytes;
  k->frees_remote += posted_without_heap(c);
  for (unsigned stage = 0; stage < kListStages; stage++) k->misses += k->refills[stage];
  k->allocations = within(k->misses, k->allocations, INT64_MAX);
  k->live_blocks = within(0, k->live_blocks - posted_without_heap(c), k->allocations);
  k->live_bytes = k->live_blocks * k->block_size;
  k->hits = k->allocations - k->misses;
  k->frees = k->allocations - k->live_blocks;
  k->frees_remote = within(0, k->frees_remote, k->frees);
  k->frees_local = k->frees - k->frees_remote;
}

void add_to_tier(const hakmem_class_stats& one, hakmem_class_stats* sum) {
  sum->live_blocks += one.live_blocks;
  sum->live_bytes += one.live_bytes;
  sum->peak_blocks += one.peak_blocks;
  sum->allocations += one.allocations;
  sum->hits += one.hits;
  sum->misses += one.misses;
  for (unsigned stage = 0; stage < kListStages; stage++) sum->refills[stage] += one.refills[stage];
  sum->frees += one.frees;
  sum->frees_local += one.frees_local;
  sum->frees_remote += one.frees_remote;
  sum->slabs += one.slabs;
  sum->held_bytes += one.held_bytes;
}

void collect_os(hakmem_os_stats* os_stats) {
  using os::Counters;
  const map::UnitCounts units = map::count_units();
  const auto unit_bytes = [](uint64_t n) { return n << kUnitShift; };
  os_stats->window_bytes = uint64_t{map::g_window.total_supers} << kSuperShift;
  os_stats->free_clean_bytes = unit_bytes(units.clean);
  os_stats->free_dirty_bytes = unit_bytes(units.dirty);
  os_stats->in_use_bytes = unit_bytes(units.used);
  os_stats->overshoot_bytes += unit_bytes(units.huge_clean);
  os_stats->claimed_bytes = unit_bytes(units.clean + units.dirty + units.used);
  const HeapCounts heaps = count_heaps();
  os_stats->early_returns = early_returns_without_heap();
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap)
    os_stats->early_returns += heap->early_returns;
  os_stats->heaps = heaps.all;
  os_stats->heaps_parked = heaps.parked;
  os_stats->metadata_bytes = map::metadata_bytes().n + heaps.all * sizeof(Heap);
  os_stats->maps = os::read(&Counters::maps) + os::read(&Counters::commits);
  os_stats->maps_refused = os::read(&Counters::maps_refused) + os::read(&Counters::commit_refused);
  os_stats->purges = os::read(&Counters::purges);
  os_stats->purge_refused = os::read(&Counters::purge_refused);
  os_stats->purged_bytes = os::read(&Counters::purged_bytes);
  os_stats->populates = os::read(&Counters::populates);
  os_stats->populate_refused = os::read(&Counters::populate_refused);
  os_stats->populated_bytes = os::read(&Counters::populated_bytes);
  os_stats->huge_advices = os::read(&Counters::huge_advices);
  os_stats->huge_refused = os::read(&Counters::huge_refused);
  os_stats->remaps = os::read(&Counters::remaps);
  os_stats->remap_refused = os::read(&Counters::remap_refused);
  os_stats->dropped_unkept_bytes = map::dropped_bytes(map::Drop::unkept).n;
  os_stats->dropped_late_bytes = map::dropped_bytes(map::Drop::late).n;
  os_stats->dropped_idle_bytes = map::dropped_bytes(map::Drop::idle).n;
  os_stats->dropped_wanted_bytes = map::dropped_bytes(map::Drop::wanted).n;
}

}  // namespace

void collect_statistics(hakmem_statistics* out) {
  static_assert(kClasses + kSpanClasses <= HAKMEM_CLASSES_MAX);
  const TickPause pause;  // or a process at rest would be disturbed by our own background thread
  memset(out, 0, sizeof *out);
  out->struct_bytes = sizeof *out;
  out->class_count = kClasses + kSpanClasses;
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) add_heap(*heap, out->classes);
  add_slabs(out);
  for (unsigned c = 0; c < kClasses; c++) derive(c, &out->classes[c]);
  for (unsigned c = 0; c < kSpanClasses; c++) {
    hakmem_class_stats& k = out->classes[kClasses + c];
    k.tier = c < kLargeClasses ? HAKMEM_TIER_LARGE : HAKMEM_TIER_BIG;
    k.block_size = span_class_units(c) << kUnitShift;
    collect_span_stats(c, &k);
    out->os.kept_bytes += k.held_bytes - k.live_bytes;
    out->os.reused_bytes += (k.hits + k.refills[HAKMEM_STAGE_SITE] + k.refills[HAKMEM_STAGE_STEAL]) * k.block_size;
  }
  for (unsigned tier = 0; tier < 5; tier++) out->tiers[tier].tier = tier;
  for (unsigned c = 0; c < out->class_count; c++) {
    add_to_tier(out->classes[c], &out->tiers[out->classes[c].tier]);
    add_to_tier(out->classes[c], &out->tiers[HAKMEM_TIER_NONE]);
  }
  collect_os(&out->os);
}

const char* broken_heap_rule() {
  if constexpr (kCounters) {
    static hakmem_statistics derived;
    collect_statistics(&derived);
    if (const char* const rule = broken_counter_rule(derived)) return rule;
  }
  const TickPause pause;
  const char* rule = map::broken_super_slab_rule();
  map::for_each_line([&rule](const map::Line* line, uintptr_t owner) {
    if (owner == map::kSpan || rule != nullptr) return;
    const Slab& s = *reinterpret_cast<const Slab*>(line);
    rule =
        reinterpret_cast<uintptr_t>(s.heap) == owner ? broken_rule(s) : "slab: its heap is its page map entry's owner";
  });
  return rule;
}

}  // namespace hak
