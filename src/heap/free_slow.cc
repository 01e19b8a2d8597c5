// What free does beyond its fast path: events of slabs, blocks of other heaps, spans, and whatever is no block. errno
// stays as it is: everything below that calls the system keeps it.
//
// The functions that the fast path leaves by are reached by tail calls, so that their return address is the program's.
#include "guard/report.h"
#include "heap/allocate.h"
#include "heap/blocks.h"
#include "heap/fast_span.h"
#include "heap/heartbeat.h"
#include "heap/refill.h"
#include "heap/section.h"
#include "heap/thread.h"

namespace hak {
namespace {

// Of threads that have no heap. Exact by itself: relaxed.
constinit std::atomic<uint64_t> g_early_returns{0};

// In a section, so that helpers reach what a sleeping thread has gathered.
Outbox::Result put(Heap& heap, Slab& slab, void* p) {
  const OwnerSection section(heap);
  return heap.outbox.put(heap, slab, p);
}

// Not free, nor unused: a slab that was cut anew has marks of the blocks that it had before.
bool is_live(const void* p) { return inspect(p).state == HAKMEM_BLOCK_LIVE; }

// The block bears the mark of a free one. Its owner may be at work, so the search is a guess, but a wrong one would
// need both the mark and a stale list.
void free_marked_remote(Heap& heap, Slab& slab, void* p, const void* site) {
  if (!is_live(p)) return report_double_free(p, site);
  static_cast<Block*>(p)->mark = 0;
  put(heap, slab, p);
}

void free_without_heap(Slab& slab, void* p, const void* site) {
  if (!is_block_start(slab, p)) return report_bad_pointer(p, "free", site);
  if (looks_free(slab, p) && !is_live(p)) return report_double_free(p, site);
  post_one(slab, p);
}

void free_remote(Heap* heap, Slab& slab, void* p, const void* site) {
  if (!is_real(heap)) heap = heap_of_freeing_thread();
  if (heap == nullptr) return free_without_heap(slab, p, site);
  if (slab.heap == heap) return free_local(p, heap, &slab);  // adopted just now
  switch (put(*heap, slab, p)) {
    case Outbox::Result::done:
      return;
    case Outbox::Result::step:
      return beat(*heap);
    case Outbox::Result::interior:
      return report_bad_pointer(p, "free", site);
    case Outbox::Result::marked:
      return free_marked_remote(*heap, slab, p, site);
  }
}

void report_wrong(guard::Error error, const void* p, const char* function, size_t said, const void* site) {
  const hakmem_block info = inspect(p);
  guard::report_misuse({.error = error,
                        .pointer = p,
                        .function = function,
                        .site = site,
                        .tier = info.tier,
                        .block_bytes = info.usable_size,
                        .start = info.start,
                        .said = said});
}

void free_span(Heap* heap, map::Span& span, void* p, const void* site) {
  if (span.live == p) return free_span_fast(heap, span);
  if (span.start == p) return report_double_free(p, site);
  report_bad_pointer(p, "free", site);
}

void free_by_entry(Heap* heap, void* p, const map::PageEntry& entry, const void* site) {
  const uintptr_t owner = entry.owner.load(std::memory_order_relaxed);
  map::Line* const line = entry.meta.load(std::memory_order_relaxed);
  if (owner == map::kNothing || line == nullptr) return report_bad_pointer(p, "free", site);
  if (owner == map::kSpan) return free_span(heap, *reinterpret_cast<map::Span*>(line), p, site);
  free_remote(heap, *reinterpret_cast<Slab*>(line), p, site);
}

// Leaves the section.
[[gnu::noinline]] void tidy_outbox(Heap& heap, const Slab& slab) {
  const Outbox::Result result = heap.outbox.tidy(heap, slab);
  leave_section(heap);
  if (result == Outbox::Result::step) beat(heap);
}

// Most blocks of other heaps find a slot open in this thread's outbox. False: not freed.
[[gnu::always_inline]] inline bool gather(Heap& heap, Slab& slab, void* p) {
  if (!enter_section(heap)) [[unlikely]]
    return false;
  const Outbox::Gathered gathered = heap.outbox.gather(slab, p);
  if (gathered == Outbox::Gathered::due) [[unlikely]]
    return tidy_outbox(heap, slab), true;
  leave_section(heap);
  return gathered == Outbox::Gathered::yes;
}

}  // namespace

void free_outside(void* p) noexcept {
  if (p != nullptr) return report_bad_pointer(p, "free", __builtin_return_address(0));
  if (is_real(this_heap)) this_heap->early_returns++;
  else g_early_returns.fetch_add(1, std::memory_order_relaxed);
}

uint64_t early_returns_without_heap() { return g_early_returns.load(std::memory_order_relaxed); }

void free_other(void* p, Heap* heap, map::PageEntry* entry) noexcept {
  const uintptr_t owner = plain_load(entry->owner);
  map::Line* const line = plain_load(entry->meta);
  if (owner == map::kSpan) {
    map::Span& span = *reinterpret_cast<map::Span*>(line);
    if (span.live == p) [[likely]]
      return free_span_fast(heap, span);
  } else if (line != nullptr && gather(*heap, *reinterpret_cast<Slab*>(line), p)) [[likely]] {
    return;
  }
  free_by_entry(heap, p, *entry, __builtin_return_address(0));
}

void free_event(void* p, Heap* heap, Slab* slab) noexcept {
  {
    const OwnerSection section(*heap);
    // Before this section a helper may have found all other blocks of the slab returned, and given it up.
    if (!is_slab_of(*slab, heap)) [[unlikely]]
      return;
    if (used_or_less(*slab) < 0) [[unlikely]] {
      slab->countdown++;
      slab->freed = static_cast<Block*>(p)->next;
      discount_free(slab->size_class);
      return report_double_free(p, __builtin_return_address(0));
    }
    settle(*heap, *slab);
  }
  heap->events++;
  if (beat_is_due(*heap)) [[unlikely]]
    heartbeat_at(*heap, *slab);
}

// The block bears the mark of a free one: by a second free, or because the program wrote just this word there.
void free_marked(void* p, Heap* heap, Slab* slab) noexcept {
  if (!is_live(p)) return report_double_free(p, __builtin_return_address(0));
  static_cast<Block*>(p)->mark = 0;
  free_local(p, heap, slab);
}

// A span has the units of its class, or just those asked for where there was no room for more.
bool may_have_units(const map::Span& span, size_t size) {
  return good_span_bytes(size) == bytes_of(span).n || units_ceil(Bytes{size}).n == span.units;
}

// A size is right when its class is the block's: the caller asked for this block with it, and got it by that class.
void free_sized_slow(void* p, size_t size, Heap* heap) noexcept {
  const void* const site = __builtin_return_address(0);
  const map::PageEntry& entry = map::entry_at(map::offset_of(p));
  map::Line* const line = plain_load(entry.meta);
  if (line != nullptr && plain_load(entry.owner) > map::kSpan && size <= kMidMax) {
    Slab& slab = *reinterpret_cast<Slab*>(line);
    if (class_of(size) == slab.size_class && gather(*heap, slab, p)) [[likely]]
      return;
  }
  const Found found = find(p);
  const bool wrong = found.slab != nullptr   ? size > kMidMax || class_of(size) != found.slab->size_class
                     : found.span != nullptr ? size <= kMidMax || !may_have_units(*found.span, size)
                                             : false;
  if (wrong) [[unlikely]]
    return report_wrong(guard::Error::size_mismatch, p, "operator delete", size, site);
  free_by_entry(heap, p, entry, site);
}

void free_with_size(void* p, size_t size) {
  if (p != nullptr && size > usable_size(p) && inspect(p).state == HAKMEM_BLOCK_LIVE) [[unlikely]]
    return report_wrong(guard::Error::size_mismatch, p, "free_sized", size, __builtin_return_address(0));
  free_fast(p);
}

void free_with_alignment(void* p, size_t align) {
  if ((reinterpret_cast<uintptr_t>(p) & (align - 1)) != 0) [[unlikely]]
    return report_wrong(guard::Error::alignment_mismatch, p, "operator delete", align, __builtin_return_address(0));
  free_fast(p);
}

}  // namespace hak
