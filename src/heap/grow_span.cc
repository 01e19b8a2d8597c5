// realloc of large and big blocks: in place, by moving pages, by copying.
#include <atomic>
#include <cstring>

#include "heap/background.h"
#include "heap/fast_span.h"
#include "heap/find_span.h"
#include "heap/huge_spans.h"
#include "heap/limit.h"
#include "heap/no_memory.h"
#include "heap/reclaim.h"
#include "heap/section.h"
#include "heap/span_counts.h"
#include "heap/thread.h"
#include "os/clock.h"
#include "os/counters.h"
#include "os/limits.h"
#include "os/memory.h"

namespace hak {
namespace {

// Units from which moving pages beats copying: the big tier. Measured, bench's row "realloc, many".
constexpr uint64_t kMovePages = kLargeClasses + 1;

// Each move may leave two more mappings, and the kernel merges some later. So after a sixteenth of vm.max_map_count in moves
// the process's mappings are counted, and while they are more than a quarter of it blocks are copied, and counted again
// after kLookMs. Whoever is first to look answers for the others: relaxed.
constexpr uint64_t kLookMs = 1000;
constinit std::atomic<uint64_t> g_most_moves{0};
constinit std::atomic<uint64_t> g_next_look_ms{0};

bool has_few_mappings() {
  const uint64_t moves = os::read(&os::Counters::remaps) - os::read(&os::Counters::remap_refused);
  if (moves < g_most_moves.load(std::memory_order_relaxed)) return true;
  const uint64_t now_ms = os::coarse_ms();
  if (now_ms < g_next_look_ms.load(std::memory_order_relaxed)) return false;
  const uint64_t most = os::max_map_count();
  const uint64_t now = os::mapping_count();
  if (now > most / 4 || (now == 0 && moves >= most / 4)) {  // 0: not known
    g_next_look_ms.store(now_ms + kLookMs, std::memory_order_relaxed);
    return false;
  }
  g_most_moves.store(moves + most / 16, std::memory_order_relaxed);
  return true;
}

bool extend_below_limit(map::Span& span, uint64_t units) {
  const Promise promise(Units{units - span.units});
  return promise.is_granted() && map::extend_span(span, Units{units});
}

// Whether it fits where it lies: best with `units`, those of a class; a span that has fewer, since there was no room for
// more, will do with `least`. A span with headroom has it until less is asked for than before.
bool fit_in_place(map::Span& span, uint64_t units, uint64_t least) {
  if (units > span.units && least <= span.units) units = span.units;
  const unsigned before = span.span_class;
  const uint64_t units_before = units_in_use(span);
  if (span.asked != 0 && units >= span.asked && units <= span.units) map::use_roomy_span(span, Units{units});
  else if (units < span.units) map::shrink_span(span, Units{units});
  else if (units > span.units && !extend_below_limit(span, units)) return false;
  if (span.span_class != before) {
    in_section_of(heap_of_thread(), [&](Heap* heap) {
      count_span_given(heap, before);
      count_span_taken(heap, span.span_class, &SpanCounters::units);
    });
  }
  ask_huge_for_growth(span, units_before);
  return true;
}

bool is_worth_moving(const map::Span& from) {
  return units_in_use(from) >= kMovePages && has_few_mappings() && !os::is_locked(from.start, bytes_of(from).n);
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
    if (!Promise(Units{0}).is_granted()) return Transfer::refused;
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

// A process that locks what it will map (mlockall, MCL_FUTURE) has the kernel fill it at once. Relaxed: who doesn't see it
// yet gets headroom once more, and finds out.
constinit std::atomic<bool> g_headroom_costs{false};

// Whether address space costs nothing. Asked anew, since a process may limit itself; strict overcommit is a machine's.
bool may_have_headroom() {
  enum class Known : uint8_t { no, strict, loose };
  static constinit std::atomic<Known> known{Known::no};  // read once, every thread reads the same: relaxed
  if (known.load(std::memory_order_relaxed) == Known::no) {
    const bool is_strict = os::overcommit() == os::Overcommit::strict;
    known.store(is_strict ? Known::strict : Known::loose, std::memory_order_relaxed);
  }
  return known.load(std::memory_order_relaxed) == Known::loose && g_limit_units == 0 &&
         !g_headroom_costs.load(std::memory_order_relaxed) && os::address_space_limit() == os::kUnlimited &&
         os::data_limit() == os::kUnlimited;
}

// What the kernel filled at once and isn't asked for goes back, and no other block gets any.
void drop_costly_headroom(map::Span& span) {
  if (span.asked == 0 || span.asked == span.units) return;
  char* const headroom = static_cast<char*>(span.start) + bytes_of(span).n;
  if (os::resident_pages(headroom, os::page_size()) == 0) return;
  g_headroom_costs.store(true, std::memory_order_relaxed);
  map::shrink_span(span, Units{span.asked});
}

// Untouched memory, twice what is asked for: a block that grew once grows on. Headroom costs address space only; not
// under a limit, which counts whole blocks. moved: of the block, whose pages will lie here; counted once from here on.
FoundSpan take_roomy(uint64_t units, Units moved, MovingUnits& moving) {
  const Promise promise(Units{units});
  moving.count_once(moved);
  map::SpanRef ref;
  if (promise.is_granted()) {
    if (may_have_headroom()) ref = map::take_roomy_span(Units{units * 2}, Units{units});
    if (ref.span != nullptr) drop_costly_headroom(*ref.span);
    if (ref.span == nullptr) ref = map::take_roomy_span(Units{units}, Units{units});
  }
  if (ref.span == nullptr) moving.count_all();
  return {ref, &SpanCounters::units};
}

// What is idle comes first, or blocks that grow and are freed again and again would leave all they ever touched to the next
// decay tick. It was counted before, kept or resident, so nothing counts once.
map::Span* take_for_growth(uint64_t units, Site site, Units moved, MovingUnits& moving) {
  return in_section_of(heap_of_thread(), [=, &moving](Heap* heap) {
    FoundSpan found = find_idle_span(heap, units, site);
    if (found.ref.span == nullptr) found = take_roomy(units, moved, moving);
    if (found.ref.span != nullptr) count_span_taken(heap, found.ref.span->span_class, found.stage);
    return found.ref.span;
  });
}

void count_given(const map::Span& span) {
  in_section_of(heap_of_thread(), [c = span.span_class](Heap* heap) { count_span_given(heap, c); });
}

}  // namespace

void* reallocate_span(map::Span& span, size_t size, Site site) {
  if (size > map::window_bytes().n) return no_memory();
  const uint64_t least = units_ceil(Bytes{size}).n;
  const uint64_t units = rounded_span_units(least);
  if (fit_in_place(span, units, least)) {
    wake_background();  // a tail may have gone back
    return span.start;
  }
  if (units < kMovePages) return copy_span(span, size, site);
  const bool is_moved = is_worth_moving(span);
  const Units moved{is_moved ? units_in_use(span) : 0};
  MovingUnits moving;
  map::Span* to = take_for_growth(units, site, moved, moving);
  if (to == nullptr) {
    reclaim(Bytes{0});
    const AfterReclaim once_more;
    if (fit_in_place(span, units, least)) return span.start;
    to = take_for_growth(least, site, moved, moving);
  }
  if (to == nullptr) return no_memory();
  Transfer transfer = Transfer::copied;
  if (is_moved) transfer = move_contents(span, *to, moving);
  else copy_contents(span, *to);
  if (transfer >= Transfer::refused) {
    count_given(*to);
    if (transfer == Transfer::refused) map::give_span(*to, map::Age::fresh, map::Drop::wanted);
    return no_memory();
  }
  span.live = nullptr;
  count_given(span);
  if (transfer == Transfer::moved) map::give_moved_span(span);
  else map::give_span(span, map::Age::fresh, map::Drop::unkept);
  wake_background();
  return map::make_live(*to, site);
}

}  // namespace hak
