#include "slab/sparse.h"

#include <bit>

#include "guard/report.h"
#include "os/memory.h"

namespace hak {
namespace {

constexpr uint32_t kUnitPages = kUnitBytes >> kPageShift;
static_assert(kUnitPages == 16, "Slab::released_pages has a bit a page");
constexpr uint32_t kMostBlocks = 4096;
constexpr uint32_t kMostPages = kMaxSlabUnits * kUnitPages;

template <uint32_t kBits>
class BitSet {
 public:
  void clear(uint32_t i) { words_[i / 64] &= ~(uint64_t{1} << i % 64); }
  void set(uint32_t i) { words_[i / 64] |= uint64_t{1} << i % 64; }
  bool has(uint32_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
  /// Of `n` bits from `i` on, a multiple of it.
  bool has_any(uint32_t i, uint32_t n) const {
    for (uint32_t end = i + n; i < end; i++)
      if (has(i)) return true;
    return false;
  }

 private:
  uint64_t words_[(kBits + 63) / 64] = {};
};
using BlockSet = BitSet<kMostBlocks>;
using PageSet = BitSet<kMostPages>;

uint16_t& pages_word(const Slab& s, uint32_t unit) {
  return reinterpret_cast<Slab*>(map::line_of_unit(s.first + unit))->released_pages;
}
bool page_is_released(const Slab& s, uint32_t page) {
  return (pages_word(s, page / kUnitPages) >> page % kUnitPages & 1) != 0;
}
void set_released(const Slab& s, uint32_t page, bool value) {
  uint16_t& word = pages_word(s, page / kUnitPages);
  const uint16_t bit = static_cast<uint16_t>(1u << page % kUnitPages);
  word = static_cast<uint16_t>(value ? word | bit : word & ~bit);
}

bool is_in_released_page(const Slab& s, const void* p) { return page_is_released(s, offset_in(s, p) >> kPageShift); }

// The kernel takes and brings pages of its own: of so many bits, 1, 4 or 16. A run of bits begins at a multiple of it.
uint32_t bits_of_page() { return static_cast<uint32_t>(os::page_size() >> kPageShift); }

uint32_t pages_of(const Slab& s) { return s.units * kUnitPages; }
uint32_t page_of(const Slab& s, uint32_t block) { return block * s.block_bytes >> kPageShift; }
Block* block_at(const Slab& s, uint32_t i) {
  return reinterpret_cast<Block*>(start_of(s) + uint64_t{i} * s.block_bytes);
}
uint32_t index_of(const Slab& s, const Block* block) { return block_index(s.reciprocal, offset_in(s, block)); }

// The blocks that begin in a page: from `first` to before `end`.
struct Range {
  uint32_t first, end;
};
Range blocks_that_begin_in(const Slab& s, uint32_t page) {
  const auto first_from = [&s](uint32_t offset) { return (offset + s.block_bytes - 1) / s.block_bytes; };
  const uint32_t first = first_from(page << kPageShift);
  const uint32_t end = first_from((page + 1) << kPageShift);
  return {first < s.carved ? first : s.carved, end < s.carved ? end : s.carved};
}

// As a released block is: a page that was given back reads as zero.
bool is_untouched(const Block& block) { return block.next == nullptr && block.mark == 0; }

struct Fault {
  const Block* block = nullptr;  // null: all is well
  guard::Error error = guard::Error::corrupted_free_list;
};

// Notes the blocks of a list behind its first one, and finds a block whose link leads to none of this slab's blocks or to
// one that was met before, or one that was freed while it was released.
Fault note_list(const Slab& s, const Block* first, BlockSet& blocks, guard::Error met_before) {
  if (is_in_released_page(s, first)) return {first, guard::Error::double_free};
  for (const Block *at = first, *b = first->next; b != nullptr; at = b, b = b->next) {
    if (offset_in(s, b) >= uint32_t{s.units} << kUnitShift || !is_block_start(s, b)) return {at};
    if (is_in_released_page(s, b)) return {b, guard::Error::double_free};
    const uint32_t i = index_of(s, b);
    if (blocks.has(i)) return {met_before == guard::Error::double_free ? b : at, met_before};
    blocks.set(i);
  }
  return {};
}

// The same of blocks that others returned, the first one too.
Fault note_waiting(const Slab& s, const Block* first, BlockSet& blocks) {
  const uint32_t i = index_of(s, first);
  if (blocks.has(i)) return {first, guard::Error::double_free};
  blocks.set(i);
  return note_list(s, first, blocks, guard::Error::double_free);
}

// Those that no fresh block reaches into. What lies behind a slab's last block is nobody's.
uint32_t pages_of_carved(const Slab& s) {
  const uint64_t bytes = uint64_t{s.carved} * s.block_bytes;
  const size_t page = os::page_size();
  return static_cast<uint32_t>((s.carved == s.blocks ? round_up(bytes, page) : round_down(bytes, page)) >> kPageShift);
}

struct FreePages {
  PageSet found;  // not given back yet
  uint32_t count = 0;
  PageSet again;  // inside of free blocks: given back, and perhaps touched since, when such a block was used again
  bool any_again = false;
};

// Pages of carved blocks only that no other than the blocks of `free` and released ones reach into. Of the newest one,
// which is free too, the page stays that its link lies in.
FreePages find_free_pages(const Slab& s, const BlockSet& free, const Block* newest_block) {
  PageSet busy;
  PageSet entered;
  const uint32_t newest = newest_block != nullptr ? index_of(s, newest_block) : s.carved;
  if (newest_block != nullptr) busy.set(page_of(s, newest));
  for (uint32_t i = 0; i < s.carved; i++) {
    const uint32_t first = page_of(s, i);
    const uint32_t last = ((i + 1) * s.block_bytes - 1) >> kPageShift;
    if (free.has(i) || i == newest) {
      // Not of small blocks, which reach into a page at most: it would be asked back in vain at most walks.
      for (uint32_t page = first + 1; s.block_bytes > kPageBytes && page <= last; page++) entered.set(page);
    } else if (s.released == 0 || !page_is_released(s, first)) {
      for (uint32_t page = first; page <= last; page++) busy.set(page);
    }
  }
  FreePages pages;
  const uint32_t whole = bits_of_page();
  for (uint32_t page = 0; page < pages_of_carved(s); page++) {
    if (busy.has_any(page / whole * whole, whole)) continue;
    if (!page_is_released(s, page)) {
      pages.found.set(page);
      pages.count++;
    } else if (entered.has(page)) {
      pages.again.set(page);
      pages.any_again = true;
    }
  }
  return pages;
}

// The kernel's pages that any of `pages` lies in: nothing in them is in use. They are released as a whole; where a part of
// one isn't any more, that part is the inside of one block (take_released), and no link is lost with it.
void purge_pages(const Slab& s, const PageSet& pages) {
  const uint32_t whole = bits_of_page();
  for (uint32_t page = 0; page < pages_of(s); page += whole) {
    if (!pages.has_any(page, whole)) continue;
    uint32_t end = page + whole;
    while (end < pages_of(s) && pages.has_any(end, whole)) end += whole;
    // Where the kernel refuses, as it does with locked pages, they stay: nothing relies on their contents.
    os::purge(start_of(s) + (uint64_t{page} << kPageShift), uint64_t{end - page} << kPageShift);
    page = end;
  }
}

// One call instead of two page faults a page: the look at a block, and the write to it. What is resident in between
// costs little. Where the kernel refuses, the faults do it.
void fetch_pages(const Slab& s, uint32_t unit) {
  const unsigned word = pages_word(s, unit);
  const uint64_t first = round_down(static_cast<uint64_t>(std::countr_zero(word)) << kPageShift, os::page_size());
  const uint64_t end = round_up(static_cast<uint64_t>(std::bit_width(word)) << kPageShift, os::page_size());
  os::populate(start_of(s) + (uint64_t{unit} << kUnitShift) + first, end - first);
}

// Links the blocks that begin in released pages of a unit, in address order; returns how many there are.
uint32_t take_unit(Slab& s, uint32_t unit, Taken& taken) {
  fetch_pages(s, unit);
  uint32_t n = 0;
  for (uint32_t page = (unit + 1) * kUnitPages; page-- > unit * kUnitPages;) {
    if (!page_is_released(s, page)) continue;
    set_released(s, page, false);
    const Range range = blocks_that_begin_in(s, page);
    n += range.end - range.first;
    for (uint32_t i = range.end; i-- > range.first;) {
      Block* const block = block_at(s, i);
      if (is_untouched(*block)) {
        block->next = taken.list;
        taken.list = block;
        taken.count++;
      } else if (block->mark == reinterpret_cast<uintptr_t>(&s)) {
        taken.freed_twice = block;
      }
    }
  }
  return n;
}

// Where all that waits would be released the first block's page stays.
void keep_one(const Slab& s, const Block* first, FreePages& pages) {
  for (const Block* block = first; block != nullptr; block = block->next)
    if (!pages.found.has(offset_in(s, block) >> kPageShift)) return;
  const uint32_t whole = bits_of_page();
  const uint32_t page = (offset_in(s, first) >> kPageShift) / whole * whole;
  for (uint32_t i = page; i < page + whole; i++) {
    pages.count -= pages.found.has(i);
    pages.found.clear(i);
  }
}

// Takes the blocks that begin in `pages` off a list behind `before`; returns how many.
template <class Pages>
uint32_t drop_blocks_in(const Slab& s, Block* before, Pages pages) {
  uint32_t n = 0;
  for (Block* last = before; last->next != nullptr;) {
    Block* const block = last->next;
    if (pages(offset_in(s, block) >> kPageShift)) {
      last->next = block->next;
      std::atomic_signal_fence(std::memory_order_release);  // a child finds the list whole
      *block = {};                                          // untouched even if the kernel refuses to take the page
      n++;
    } else {
      last = block;
    }
  }
  return n;
}

// Those that will be released leave the batch; returns how many.
uint32_t drop_waiting(const Slab& s, Batch& waiting, const PageSet& pages) {
  Block before{waiting.first, 0};
  const uint32_t n = drop_blocks_in(s, &before, [&pages](uint32_t page) { return pages.has(page); });
  waiting.first = before.next;
  waiting.count -= n;
  const Block* last = waiting.first;
  while (last->next != nullptr) last = last->next;
  waiting.last_granule = offset_in(s, last) >> kTinyShift;
  return n;
}

}  // namespace

uint32_t release_free_pages(Slab& s, Batch* waiting) {
  Block* const newest = std::atomic_ref(s.freed).load(std::memory_order_acquire);
  if (newest == nullptr && waiting == nullptr) return 0;
  if (waiting == nullptr && newest->next == nullptr && s.block_bytes <= kPageBytes) return 0;
  BlockSet free;
  Fault fault;
  if (newest != nullptr) fault = note_list(s, newest, free, guard::Error::corrupted_free_list);
  if (fault.block == nullptr && waiting != nullptr) fault = note_waiting(s, waiting->first, free);
  if (fault.block != nullptr) [[unlikely]] {
    guard::report_misuse({.error = fault.error,
                          .pointer = fault.block,
                          .function = "free",
                          .tier = tier_of(s),
                          .block_bytes = s.block_bytes});
    return 0;
  }
  FreePages pages = find_free_pages(s, free, newest);
  if (waiting != nullptr) keep_one(s, waiting->first, pages);
  if (pages.any_again) purge_pages(s, pages.again);
  if (pages.count == 0) return 0;
  // In this order, so that a child forked meanwhile can tell: what begins in a released page is on no list, or should
  // not be. Those that wait are on none of the slab's anyway, and to the child they are in use, as all in our hands.
  const uint32_t returned = waiting != nullptr ? drop_waiting(s, *waiting, pages.found) : 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  for (uint32_t page = 0; page < pages_of(s); page++)
    if (pages.found.has(page)) set_released(s, page, true);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const uint32_t released = newest != nullptr ? drop_released(s, newest) : 0;
  s.released =
      static_cast<uint16_t>(s.released + released + returned);  // these were used until now: the sum is as it was
  s.floor = static_cast<int16_t>(s.floor + static_cast<int32_t>(released));
  s.seen_off = static_cast<uint16_t>(s.seen_off + released);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  map::keep_small(s.first, Units{s.units});
  purge_pages(s, pages.found);
  return pages.count;
}

void release_fresh_pages(Slab& s) {
  const uint32_t carved = uint32_t{s.carved} * s.block_bytes;
  const uint32_t first = static_cast<uint32_t>(round_up(carved, os::page_size()) >> kPageShift);
  if (s.fresh_resident == 0 || first >= pages_of(s)) return;
  map::keep_small(s.first, Units{s.units});
  // Where the kernel refuses they stay resident, and are tried again when the slab looks different.
  if (os::purge(start_of(s) + (uint64_t{first} << kPageShift), uint64_t{pages_of(s) - first} << kPageShift))
    s.fresh_resident = 0;
}

uint32_t drop_released(Slab& s, Block* from) {
  return drop_blocks_in(s, from, [&s](uint32_t page) { return page_is_released(s, page); });
}

Taken take_released(Slab& s) {
  Taken taken;
  uint32_t n = 0;
  uint32_t unit = 0;
  for (; unit < s.units && n == 0; unit++)
    if (pages_word(s, unit) != 0) n = take_unit(s, unit, taken);
  // Pages that lie within the last block are that block's now.
  for (uint32_t page = unit * kUnitPages; n != 0 && page < pages_of(s) && page_is_released(s, page); page++) {
    const Range begins = blocks_that_begin_in(s, page);
    if (begins.first != begins.end) break;
    set_released(s, page, false);
  }
  s.released = static_cast<uint16_t>(s.released - n);
  s.floor = static_cast<int16_t>(s.floor - static_cast<int32_t>(n));
  s.countdown += static_cast<int32_t>(n);
  return taken;
}

bool is_released(const Slab& s, const void* p) { return s.released != 0 && is_in_released_page(s, p); }

uint32_t count_released_pages(const Slab& s) {
  uint32_t n = 0;
  for (uint32_t unit = 0; unit < s.units; unit++) n += static_cast<uint32_t>(std::popcount(pages_word(s, unit)));
  return n;
}

uint32_t count_released(const Slab& s) {
  uint32_t n = 0;
  for (uint32_t page = 0; page < pages_of(s); page++) {
    if (!page_is_released(s, page)) continue;
    const Range range = blocks_that_begin_in(s, page);
    n += range.end - range.first;
  }
  return n;
}

void forget_released(Slab& s) {
  s.released = 0;
  for (uint32_t unit = 0; unit < s.units; unit++) pages_word(s, unit) = 0;
}

}  // namespace hak
