#include "heap/blocks.h"

#include "guard/report.h"
#include "heap/heap.h"
#include "heap/registry.h"
#include "slab/sparse.h"

namespace hak {
namespace {

uint32_t tier_of(const map::Span& span) { return span.units <= kLargeClasses ? HAKMEM_TIER_LARGE : HAKMEM_TIER_BIG; }

// Other threads may change the lists under our feet: every step is bounded, and no link is followed out of the slab.
bool on_list(const Slab& s, const Block* list, const void* p, uint32_t most) {
  for (; list != nullptr && most > 0; most--) {
    if (list == p) return true;
    const char* const at = reinterpret_cast<const char*>(list);
    if (at < start_of(s) || at >= start_of(s) + (uint64_t{s.units} << kUnitShift) || !is_block_start(s, list))
      return false;
    list = unpack_block(reinterpret_cast<uint64_t>(list->next));
  }
  return false;
}

// A batch's links in its first block are packed; on_list unpacks every link, which a plain one survives.
bool in_inbox(const Slab& s, const void* p) {
  uint32_t most = 1u << 20;
  for (const Block* batch = s.heap->inbox.peek(); batch != nullptr && most > 0; most--) {
    if (!map::in_window(batch)) return false;
    if (on_list(s, batch, p, s.blocks)) return true;
    batch = unpack_block(batch->mark);
  }
  return false;
}

bool is_free_block(const Slab& s, const Slab* slab, const void* p) {
  if (is_released(s, p) || on_list(s, s.freed, p, s.blocks) || in_inbox(s, p)) return true;
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    // Lists of young heaps mix slabs of one class: on_list() would stop at the first other slab.
    uint32_t most = 1u << 16;
    for (const Block* b = heap->free[s.size_class]; may_be_block(b) && most > 0; b = b->next, most--)
      if (b == p) return true;
    for (unsigned i = 0; i < Outbox::kSlots; i++) {
      const Outbox::Slot& slot = heap->outbox.slots()[i];
      if (slot.slab == slab && on_list(s, slot.head, p, slot.count())) return true;
    }
  }
  return false;
}

// s: a copy of `slab`.
hakmem_block inspect_slab(const Slab& s, const Slab* slab, const void* p) {
  const uint32_t offset = offset_in(s, p);
  const uint32_t index = block_index(s.reciprocal, offset);
  hakmem_block info{};
  info.tier = tier_of(s);
  info.size_class = s.size_class;
  if (index >= s.carved) {
    info.state = HAKMEM_BLOCK_UNUSED;
    return info;
  }
  info.start = start_of(s) + uint64_t{index} * s.block_bytes;
  info.usable_size = s.block_bytes;
  info.interior = info.start != p;
  info.state = is_free_block(s, slab, info.start) ? HAKMEM_BLOCK_FREE : HAKMEM_BLOCK_LIVE;
  return info;
}

hakmem_block inspect_span(const map::Span& span, const void* p) {
  hakmem_block info{};
  info.start = start_of(span);
  info.usable_size = bytes_of(span).n;
  info.site = reinterpret_cast<void*>(span.site);
  info.tier = tier_of(span);
  info.size_class = kClasses + span.span_class;
  info.state = is_live(span) ? HAKMEM_BLOCK_LIVE : HAKMEM_BLOCK_FREE;
  info.interior = info.start != p;
  return info;
}

// The line of a span whose units were given back tells of it until the unit is used again.
const map::Span* freed_span_at(const void* p) {
  const uint32_t unit = map::unit_of(p);
  const auto* span = reinterpret_cast<const map::Span*>(map::line_of_unit(unit));
  const bool tells = span->live == nullptr && span->first == unit && span->start == p && span->units != 0;
  return tells ? span : nullptr;
}

guard::Error error_of(const hakmem_block& info) {
  switch (info.state) {
    case HAKMEM_BLOCK_FOREIGN:
      return guard::Error::foreign_pointer;
    case HAKMEM_BLOCK_UNUSED:
      return guard::Error::never_allocated;
    case HAKMEM_BLOCK_FREE:
      return guard::Error::freed_pointer;
    default:
      return guard::Error::interior_pointer;
  }
}

void report(guard::Error error, const void* p, const hakmem_block& info, const char* function, const void* site) {
  guard::report_misuse({.error = error,
                        .pointer = p,
                        .function = function,
                        .site = site,
                        .tier = info.tier,
                        .block_bytes = info.usable_size,
                        .start = info.start});
}

}  // namespace

Found find(const void* p) {
  if (!map::in_window(p)) return {};
  const map::PageEntry& entry = map::entry_at(map::offset_of(p));
  const uintptr_t owner = entry.owner.load(std::memory_order_relaxed);
  map::Line* const line = entry.meta.load(std::memory_order_relaxed);
  if (owner == map::kNothing || line == nullptr) return {};
  if (owner == map::kSpan) return {nullptr, reinterpret_cast<map::Span*>(line)};
  return {reinterpret_cast<Slab*>(line), nullptr};
}

hakmem_block inspect(const void* p) {
  hakmem_block info{};
  if (!map::in_window(p)) {
    info.state = HAKMEM_BLOCK_FOREIGN;
    return info;
  }
  Slab copy;
  const Slab* const slab = find(p).slab;
  if (slab != nullptr && copy_slab(reinterpret_cast<const map::Line*>(slab), &copy)) return inspect_slab(copy, slab, p);
  if (const map::Span* const span = map::span_around(p)) return inspect_span(*span, p);
  if (const map::Span* const span = freed_span_at(p)) return inspect_span(*span, p);
  info.state = HAKMEM_BLOCK_UNUSED;
  return info;
}

void report_bad_pointer(const void* p, const char* function, const void* site) {
  const hakmem_block info = inspect(p);
  const bool is_second_free = info.state == HAKMEM_BLOCK_FREE && !info.interior && function[0] == 'f';
  report(is_second_free ? guard::Error::double_free : error_of(info), p, info, function, site);
}

void report_double_free(const void* p, const void* site) {
  report(guard::Error::double_free, p, inspect(p), "free", site);
}

}  // namespace hak
