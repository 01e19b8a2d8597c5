#include "heap/spans.h"

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "big/cache.h"
#include "heap/background.h"
#include "heap/fast_span.h"
#include "heap/heartbeat.h"
#include "heap/help.h"
#include "heap/huge_spans.h"
#include "heap/limit.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/registry.h"
#include "heap/span_room.h"
#include "heap/thread.h"
#include "large/pool.h"
#include "map/purge.h"
#include "os/counters.h"
#include "os/limits.h"
#include "os/memory.h"

namespace hak {
namespace {

// Of threads that have no heap: rare. Each is exact by itself: relaxed.
struct Strays {
  std::atomic<uint64_t> allocations, frees;
};
constinit Strays g_strays[kSpanClasses];

void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

Units units_for(size_t size) { return units_ceil(Bytes{size == 0 ? 1 : size}); }

void* make_live(map::Span& span, Site site) {
  span.site = site;
  return span.live = span.start;
}

// ---- Refill. ------------------------------------------------------------------------------------------------------

struct Found {
  map::SpanRef ref;
  uint64_t SpanCounters::*stage = nullptr;  // null: a hit
};

Found from_stack(Heap* heap, uint64_t units) {
  if (heap == nullptr || units > kCachedUnits) return {};
  const unsigned c = cached_span_class(units);
  map::Span* const span = heap->spans.top[c];
  if (span == nullptr) return {};
  heap->spans.top[c] = span->next;
  heap->spans.room[c]++;
  return {{span}};
}

Found from_large_pool(Heap* heap, unsigned c, Site site) {
  const unsigned bundle = heap != nullptr ? 1 + static_cast<unsigned>(heap->spans.room[c]) / 2 : 1;
  const large::Taken taken = large::take(c, site, bundle);
  if (taken.count == 0) return {};
  if (heap != nullptr) note_from_pool(*heap, c, taken.count);
  if (taken.count > 1) {
    heap->spans.top[c] = taken.list->next;  // it was empty
    heap->spans.room[c] -= static_cast<int32_t>(taken.count - 1);
    heap->spans.counters[c].left -= taken.count - 1;
  }
  return {{taken.list}, taken.from == large::From::shard ? &SpanCounters::site : &SpanCounters::steal};
}

Found from_big_cache(Heap* heap, unsigned c, Site site) {
  const big::Taken taken = big::take(c, site);
  if (taken.span == nullptr) return {};
  if (heap != nullptr) note_from_pool(*heap, c, 1);
  return {{taken.span}, taken.from == big::From::site ? &SpanCounters::site : &SpanCounters::steal};
}

Found from_pools(Heap* heap, uint64_t units, Site site) {
  if (units > kCachedUnits) return {};
  const unsigned c = cached_span_class(units);
  return c < kLargeClasses ? from_large_pool(heap, c, site) : from_big_cache(heap, c, site);
}

uint64_t units_in_stacks(const Heap& heap) {
  uint64_t units = 0;
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(open));
    units += length_of(heap.spans.top[c]) * span_class_units(c);
  }
  return units;
}

// Spans that lie idle are of one class each. Before untouched memory is touched they go back, where they are many: what
// is kept idle stays within an eighth of what is in use.
bool return_idle_spans(Heap* heap, uint64_t units) {
  const uint64_t mine = heap != nullptr ? units_in_stacks(*heap) : 0;
  const uint64_t idle = large::idle_units().n + big::idle_units().n + mine;
  if (idle < units || idle * 8 < map::used_units().n) return false;
  if (heap != nullptr) release_spans(*heap, map::Age::fresh);
  large::decay(0);
  big::flush();
  return true;
}

Found from_units(Heap* heap, uint64_t units, uint64_t align) {
  const auto take = [&](map::Growth growth) { return map::take_span(Units{units}, Units{align}, growth); };
  map::SpanRef ref = take(map::Growth::resident);
  if (ref.span == nullptr && return_idle_spans(heap, units)) ref = take(map::Growth::resident);
  if (ref.span == nullptr && !admit(Units{units})) return {};
  if (ref.span == nullptr) ref = take(map::Growth::forbidden);
  if (ref.span == nullptr && help_before_growing() != Units{0}) ref = take(map::Growth::forbidden);
  if (ref.span != nullptr) return {ref, &SpanCounters::units};
  return {take(map::Growth::allowed), &SpanCounters::super_slab};
}

// One try: a span that is the caller's, and where it is from. heap: the caller's, in a section, or null.
Found find_span(Heap* heap, uint64_t units, uint64_t align, Site site) {
  if (align == 1) {
    const Found own = from_stack(heap, units);
    if (own.ref.span != nullptr) return own;
    const Found found = from_pools(heap, units, site);
    if (found.ref.span != nullptr) return found;
  }
  const uint64_t rounded = rounded_span_units(units);
  const Found found = from_units(heap, rounded, align);
  return found.ref.span != nullptr || rounded == units ? found : from_units(heap, units, align);
}

map::SpanRef find_and_count(Heap* heap, uint64_t units, uint64_t align, Site site) {
  if (heap == nullptr) {
    const Found found = find_span(nullptr, units, align, site);
    if (found.ref.span != nullptr)
      g_strays[found.ref.span->span_class].allocations.fetch_add(1, std::memory_order_relaxed);
    return found.ref;
  }
  const OwnerSection section(*heap);
  const Found found = find_span(heap, units, align, site);
  if (found.ref.span != nullptr && found.stage != nullptr)
    heap->spans.counters[found.ref.span->span_class].*found.stage += 1;
  return found.ref;
}

// The whole way, to a live span or null.
map::SpanRef allocate_ref(size_t size, size_t align, Site site, Contents contents = Contents::any) {
  // What the window can't hold no reclaim makes room for.
  if (!start_process() || size > map::window_bytes().n) return {};
  Heap* const heap = heap_of_thread();
  const uint64_t units = units_for(size).n;
  const uint64_t align_units = align <= kUnitBytes ? 1 : align >> kUnitShift;
  map::SpanRef ref = find_and_count(heap, units, align_units, site);
  if (ref.span == nullptr) {
    reclaim(Bytes{0});
    const AfterReclaim once_more;
    ref = find_and_count(heap, units, align_units, site);
  }
  if (ref.span != nullptr) {
    if (ref.zero == map::Zero::known) ask_huge_for_block(*ref.span, contents);
    make_live(*ref.span, site);
    count_allocation(kClasses + ref.span->span_class);
  }
  if (heap != nullptr) beat(*heap);
  tell_of_limit();
  return ref;
}

void* start_or_no_memory(const map::SpanRef& ref) { return ref.span != nullptr ? ref.span->start : no_memory(); }

// ---- The way back. --------------------------------------------------------------------------------------------------

// The stack has no room. Where it may have no more, one of the large tier gives all it has to the pool, a bundle for
// whoever needs one.
void keep_or_give(Heap& heap, map::Span& span) {
  SpanStacks& spans = heap.spans;
  const unsigned c = span.cached_class;
  if (make_room(heap, c)) {
    spans.room[c]--;
    span.next = spans.top[c];
    spans.top[c] = &span;
    return;
  }
  spans.counters[span.span_class].left++;
  if (c < kLargeClasses && spans.top[c] != nullptr) {
    const uint32_t n = length_of(spans.top[c]);
    large::put(c, empty_stack(spans, c), n);
  }
  give_to_pools(span);
}

Units release_stack(SpanStacks& spans, unsigned c, map::Age age) {
  Units given;
  for (map::Span* span = empty_stack(spans, c); span != nullptr;) {
    map::Span* const next = span->next;
    given += Units{span->units};
    map::give_span(*span, age, age == map::Age::aged ? map::Drop::idle : map::Drop::wanted);
    span = next;
  }
  return given;
}

template <class Wanted>
Units release_stacks(Heap& heap, map::Age age, Wanted wanted) {
  check_section(heap);
  Units given;
  for (uint64_t open = heap.open_spans; open != 0; open &= open - 1) {
    const unsigned c = static_cast<unsigned>(std::countr_zero(open));
    if (wanted(c)) given += release_stack(heap.spans, c, age);
  }
  return given;
}

// ---- realloc. -------------------------------------------------------------------------------------------------------

// Units from which moving pages beats copying: the big tier. Measured, bench's row "realloc, many".
constexpr uint64_t kMovePages = kLargeClasses + 1;
constexpr uint64_t kMostMoves = 16'384;  // each may leave two more mappings: a quarter of the usual vm.max_map_count

// The block leaves one class for another: a free there and an allocation here.
void count_move(Heap* heap, unsigned from, unsigned to) {
  count_free(kClasses + from);
  count_allocation(kClasses + to);
  if (heap == nullptr) {
    g_strays[from].frees.fetch_add(1, std::memory_order_relaxed);
    g_strays[to].allocations.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  heap->spans.frees[from]++;
  heap->spans.counters[from].left++;
  heap->spans.counters[to].units++;
}

void count_move(unsigned from, unsigned to) {
  Heap* const heap = heap_of_thread();
  if (heap == nullptr) return count_move(nullptr, from, to);
  const OwnerSection section(*heap);
  count_move(heap, from, to);
}

// Whether it fits where it lies: best with `units`, those of a class; a span that has fewer, since there was no room for
// more, will do with `least`. A span with headroom has it until less is asked for than before.
bool fit_in_place(map::Span& span, uint64_t units, uint64_t least) {
  if (units > span.units && least <= span.units) units = span.units;
  const unsigned before = span.span_class;
  const uint64_t units_before = units_in_use(span);
  if (span.asked != 0 && units >= span.asked && units <= span.units) map::use_roomy_span(span, Units{units});
  else if (units < span.units) map::shrink_span(span, Units{units});
  else if (units > span.units && !(admit(Units{units - span.units}) && map::extend_span(span, Units{units})))
    return false;
  if (span.span_class != before) count_move(before, span.span_class);
  ask_huge_for_growth(span, units_before);
  return true;
}

bool is_worth_moving(const map::Span& from) {
  const uint64_t moves = os::read(&os::Counters::remaps) - os::read(&os::Counters::remap_refused);
  return units_in_use(from) >= kMovePages && moves < kMostMoves;
}

void copy_contents(const map::Span& from, const map::Span& to) {
  ask_huge_for_growth(to, 0);
  memcpy(to.start, from.start, bytes_of(from).n);
}

// SuperSlab by SuperSlab, where a mapping ends between them; what the kernel still refuses to move is copied. Where a part
// of the target is lost, what was moved is copied back.
os::Moved move_pieces(char* source, char* target, uint64_t bytes) {
  os::Moved all = os::Moved::done;
  for (uint64_t at = 0; at < bytes; at += kSuperBytes) {
    const uint64_t piece = bytes - at < kSuperBytes ? bytes - at : kSuperBytes;
    const os::Moved moved = os::move_pages(source + at, target + at, piece);
    if (moved == os::Moved::done) continue;
    if (moved == os::Moved::lost) {
      memcpy(source, target, at);
      return moved;
    }
    memcpy(target + at, source + at, piece);
    all = moved;
  }
  return all;
}

enum class Transfer : uint8_t {
  moved,    // all pages
  copied,   // some of them, or all
  refused,  // a hard limit has no room for a copy: nothing happened
  lost,     // the block is as it was, and the target is of no use to anybody
};

// The kernel moves what lies in one mapping, and a mapping may end at any unit. moving: the block's units.
Transfer move_contents(const map::Span& from, const map::Span& to, MovingUnits& moving) {
  const uint64_t bytes = bytes_of(from).n;
  char* const source = static_cast<char*>(from.start);
  char* const target = static_cast<char*>(to.start);
  os::Moved moved = os::move_pages(source, target, bytes);
  if (moved == os::Moved::refused) {
    moving.count_all();
    const AfterReclaim soft_limit_passes;
    if (!admit(Units{0})) return Transfer::refused;
    moved = move_pieces(source, target, bytes);
  }
  if (moved == os::Moved::lost) return Transfer::lost;
  map::note_moved(from.first, to.first, Units{units_in_use(from)});
  ask_huge_for_growth(to, units_in_use(from));
  return moved == os::Moved::done ? Transfer::moved : Transfer::copied;
}

// A block that isn't worth moving pages: idle spans serve it.
void* copy_span(map::Span& span, size_t size, Site site) {
  void* const to = allocate_span_slow(size, site);
  if (to == nullptr) return nullptr;
  memcpy(to, span.start, bytes_of(span).n);
  free_span_fast(this_heap, span);
  return to;
}

// Whether address space costs nothing. Asked anew, since a process may limit itself; strict overcommit is a machine's.
bool may_have_headroom() {
  enum class Known : uint8_t { no, strict, loose };
  static constinit std::atomic<Known> known{Known::no};  // read once, every thread reads the same: relaxed
  if (known.load(std::memory_order_relaxed) == Known::no) {
    const bool is_strict = os::overcommit() == os::Overcommit::strict;
    known.store(is_strict ? Known::strict : Known::loose, std::memory_order_relaxed);
  }
  return known.load(std::memory_order_relaxed) == Known::loose && g_limit_units == 0 &&
         os::address_space_limit() == os::kUnlimited && os::data_limit() == os::kUnlimited;
}

// Twice what is asked for: a block that grew once grows on. Headroom is untouched, so it costs address space only; not
// under a limit, which counts whole blocks.
map::Span* take_for_growth(uint64_t units) {
  if (!admit(Units{units})) return nullptr;
  map::SpanRef ref;
  if (may_have_headroom()) ref = map::take_roomy_span(Units{units * 2}, Units{units});
  if (ref.span == nullptr) ref = map::take_roomy_span(Units{units}, Units{units});
  return ref.span;
}

uint64_t sum_of_refills(const SpanCounters& k) { return k.units + k.super_slab + k.site + k.steal; }

}  // namespace

void* allocate_span_slow(size_t size, Site site) { return start_or_no_memory(allocate_ref(size, 1, site)); }

void* allocate_span_aligned(size_t size, size_t align, Site site) {
  return start_or_no_memory(allocate_ref(size, align, site));
}

void* allocate_span_zeroed(size_t size, Site site) {
  const map::SpanRef ref = allocate_ref(size, 1, site, Contents::zero);
  if (ref.span == nullptr) return no_memory();
  return ref.zero == map::Zero::known ? ref.span->start : memset(ref.span->start, 0, size);
}

void free_span_slow(Heap* heap, map::Span& span) {
  span.live = nullptr;
  const unsigned c = span.span_class;
  count_free(kClasses + c);
  if (!is_real(heap)) heap = heap_of_thread();
  if (heap == nullptr) {
    g_strays[c].frees.fetch_add(1, std::memory_order_relaxed);
    give_to_pools(span);
    return wake_background();
  }
  {
    const OwnerSection section(*heap);
    heap->spans.frees[c]++;
    keep_or_give(*heap, span);
  }
  beat(*heap);
  wake_background();
}

void* reallocate_span(map::Span& span, size_t size, Site site) {
  if (size > map::window_bytes().n) return no_memory();
  const uint64_t least = units_for(size).n;
  const uint64_t units = rounded_span_units(least);
  if (fit_in_place(span, units, least)) {
    wake_background();  // a tail may have gone back
    return span.start;
  }
  if (units < kMovePages) return copy_span(span, size, site);
  const bool is_moved = is_worth_moving(span);
  MovingUnits moving(Units{is_moved ? units_in_use(span) : 0});
  map::Span* to = take_for_growth(units);
  if (to == nullptr) {
    reclaim(Bytes{0});
    const AfterReclaim once_more;
    if (fit_in_place(span, units, least)) return span.start;
    to = take_for_growth(least);
  }
  if (to == nullptr) return no_memory();
  Transfer transfer = Transfer::copied;
  if (is_moved) transfer = move_contents(span, *to, moving);
  else copy_contents(span, *to);
  if (transfer == Transfer::refused) map::give_span(*to, map::Age::fresh, map::Drop::wanted);
  if (transfer >= Transfer::refused) return no_memory();
  span.live = nullptr;
  count_move(span.span_class, to->span_class);
  if (transfer == Transfer::moved) map::give_moved_span(span);
  else map::give_span(span, map::Age::fresh, map::Drop::unkept);
  wake_background();
  return make_live(*to, site);
}

size_t good_span_bytes(size_t size) { return rounded_span_units(units_for(size).n) << kUnitShift; }

Units release_spans(Heap& heap, map::Age age) {
  const Units given = release_stacks(heap, age, [](unsigned) { return true; });
  trim_rooms(heap);
  return given;
}

Units release_idle_spans(Heap& heap) {
  uint64_t idle = 0;  // bit c: class c
  const Units given = release_stacks(heap, map::Age::aged, [&heap, &idle](unsigned c) {
    const uint64_t frees = heap.spans.frees[c];
    const bool is_idle = std::exchange(heap.spans.counters[c].seen_frees, frees) == frees;
    idle |= uint64_t{is_idle} << c;
    return is_idle;
  });
  trim_rooms(heap);
  close_rooms(heap, idle);
  expect_quiet_where_much_is_open(heap);
  return given;
}

namespace {

// Of a stack that its owner may be changing, and whose spans may become slabs meanwhile: no link is followed out of the
// table.
uint32_t length_seen(const map::Span* list) {
  constexpr uint32_t kMost = 1u << 16;
  uint32_t n = 0;
  for (; n < kMost && map::is_line(list); list = list->next) n++;
  return n;
}

}  // namespace

void collect_span_stats(unsigned c, hakmem_class_stats* out) {
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    const SpanCounters& k = heap->spans.counters[c];
    out->hits += heap->spans.frees[c] - k.left - length_seen(heap->spans.top[c]);
    out->misses += sum_of_refills(k);
    out->frees += heap->spans.frees[c];
    out->refills[HAKMEM_STAGE_UNITS] += k.units;
    out->refills[HAKMEM_STAGE_SUPERSLAB] += k.super_slab;
    out->refills[HAKMEM_STAGE_SITE] += k.site;
    out->refills[HAKMEM_STAGE_STEAL] += k.steal;
  }
  const uint64_t strays = g_strays[c].allocations.load(std::memory_order_relaxed);
  out->misses += strays;
  out->refills[HAKMEM_STAGE_UNITS] += strays;
  out->frees += g_strays[c].frees.load(std::memory_order_relaxed);
  out->allocations = out->hits + out->misses;
  out->live_blocks = out->allocations - out->frees;
  out->frees_local = out->frees;
  const map::SpanCounts counts = map::count_spans(c);
  out->slabs = counts.spans;
  out->held_bytes = counts.units << kUnitShift;
  out->peak_blocks = counts.peak;
  const uint64_t kept = counts.spans > out->live_blocks ? counts.spans - out->live_blocks : 0;
  out->live_bytes = out->held_bytes - (kept * span_class_units(c) << kUnitShift);
}

}  // namespace hak
