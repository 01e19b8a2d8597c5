#include "print/stats_xml.h"

#include <utility>

#include "print/fields.h"
#include "print/names.h"

namespace hak::print {

namespace {

void add_attribute(Text& out, std::string_view name, uint64_t value) {
  out.add(' ').add(name).add("=\"").add(value).add('"');
}

// Free blocks of slabs; a free span of the large and big tiers is free units, and in the totals.
void add_free_blocks(Text& out, const hakmem_class_stats& c, size_t smallest) {
  if (c.block_size == 0 || c.held_bytes <= c.live_bytes) return;
  const uint64_t count = (c.held_bytes - c.live_bytes) / c.block_size;
  if (count == 0) return;
  out.add("  <size");
  add_attribute(out, "from", smallest);
  add_attribute(out, "to", c.block_size);
  add_attribute(out, "total", count * c.block_size);
  add_attribute(out, "count", count);
  out.add("/>\n");
}

void add_typed(Text& out, std::string_view element, std::string_view type, uint64_t size) {
  out.add('<').add(element).add(" type=\"").add(type).add('"');
  add_attribute(out, "size", size);
  out.add("/>\n");
}

void add_total(Text& out, std::string_view type, uint64_t count, uint64_t size) {
  out.add("<total type=\"").add(type).add('"');
  add_attribute(out, "count", count);
  add_attribute(out, "size", size);
  out.add("/>\n");
}

// What is free; blocks of slabs are "fast" as in glibc's fastbins, whole units the "rest".
void add_totals(Text& out, const hakmem_statistics& stats) {
  const hakmem_os_stats& os = stats.os;
  const uint64_t live = stats.tiers[0].live_bytes;
  add_total(out, "fast", 0, os.in_use_bytes > live ? os.in_use_bytes - live : 0);
  add_total(out, "rest", 0, os.free_dirty_bytes + os.free_clean_bytes);
  const hakmem_class_stats& big = stats.tiers[HAKMEM_TIER_BIG];
  add_total(out, "mmap", big.live_blocks, big.held_bytes);
  add_typed(out, "system", "current", os.claimed_bytes);
  add_typed(out, "system", "max", os.claimed_bytes);  // what is claimed stays claimed
  add_typed(out, "aspace", "total", os.window_bytes);
  add_typed(out, "aspace", "mprotect", os.claimed_bytes);
}

void add_heap(Text& out, const hakmem_statistics& stats) {
  out.add("<heap nr=\"0\">\n<sizes>\n");
  size_t below = 0;  // the size of the class before, of which there may be two
  size_t to = 0;
  for (uint32_t i = 0; i < class_count(stats); ++i) {
    const hakmem_class_stats& c = stats.classes[i];
    if (c.block_size != to) below = std::exchange(to, c.block_size);
    if (c.tier == HAKMEM_TIER_TINY || c.tier == HAKMEM_TIER_MID) add_free_blocks(out, c, below + 1);
  }
  out.add("</sizes>\n");
  add_totals(out, stats);
  out.add("</heap>\n");
}

}  // namespace

void stats_xml(Text& out, const hakmem_statistics& stats) {
  out.add("<malloc version=\"1\">\n");
  add_heap(out, stats);
  add_totals(out, stats);
  out.add("<hakmem");
  add_attribute(out, "live_blocks", stats.tiers[0].live_blocks);
  add_attribute(out, "live_bytes", stats.tiers[0].live_bytes);
  for (const OsField& field : kOsFields) add_attribute(out, field.name, stats.os.*field.where);
  out.add("/>\n</malloc>\n");
}

}  // namespace hak::print
