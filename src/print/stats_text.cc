#include "print/stats_text.h"

#include "print/names.h"

namespace hak::print {

namespace {

constexpr size_t kLabelColumns = 6 + 9;  // tier, block size

// "1.5 KiB" where that is exact, else "1280 B".
Short block_size(size_t bytes) {
  if (bytes * 10 % 1024 == 0 || bytes >= (size_t{1} << 20)) return human_bytes(bytes);
  Short out = decimal(bytes);
  out.append(" B");
  return out;
}

void add_count(Text& out, size_t width, uint64_t n) { out.right(width, count_within(n, width - 1)); }

void add_label(Text& out, std::string_view tier, size_t bytes) {
  out.left(6, tier).right(kLabelColumns - 6, bytes != 0 ? std::string_view(block_size(bytes)) : "");
}

// One column of a table of classes: its title and how a row fills it.
struct Column {
  size_t width;
  std::string_view title;
  void (*add)(Text& out, size_t width, const hakmem_class_stats& c);
};

template <uint64_t hakmem_class_stats::*kField>
void add_field(Text& out, size_t width, const hakmem_class_stats& c) {
  add_count(out, width, c.*kField);
}

template <uint64_t hakmem_class_stats::*kField>
void add_bytes(Text& out, size_t width, const hakmem_class_stats& c) {
  out.right(width, human_bytes(c.*kField));
}

template <size_t kStage>
void add_stage(Text& out, size_t width, const hakmem_class_stats& c) {
  add_count(out, width, c.refills[kStage]);
}

void add_hit_rate(Text& out, size_t width, const hakmem_class_stats& c) {
  out.right(width, percent(c.hits, c.hits + c.misses));
}

constexpr Column kBlockColumns[] = {
    {11, "live", add_field<&hakmem_class_stats::live_blocks>},
    {11, "live bytes", add_bytes<&hakmem_class_stats::live_bytes>},
    {11, "peak", add_field<&hakmem_class_stats::peak_blocks>},
    {13, "hits", add_field<&hakmem_class_stats::hits>},
    {10, "misses", add_field<&hakmem_class_stats::misses>},
    {7, "hit %", add_hit_rate},
    {12, "local", add_field<&hakmem_class_stats::frees_local>},
    {10, "remote", add_field<&hakmem_class_stats::frees_remote>},
};

constexpr Column kSlabRefillColumns[] = {
    {9, kStageNames[HAKMEM_STAGE_INBOX], add_stage<HAKMEM_STAGE_INBOX>},
    {9, kStageNames[HAKMEM_STAGE_FREED], add_stage<HAKMEM_STAGE_FREED>},
    {9, kStageNames[HAKMEM_STAGE_BUMP], add_stage<HAKMEM_STAGE_BUMP>},
    {9, kStageNames[HAKMEM_STAGE_PARTIAL], add_stage<HAKMEM_STAGE_PARTIAL>},
    {9, kStageNames[HAKMEM_STAGE_EMPTY], add_stage<HAKMEM_STAGE_EMPTY>},
    {9, kStageNames[HAKMEM_STAGE_UNITS], add_stage<HAKMEM_STAGE_UNITS>},
    {10, kStageNames[HAKMEM_STAGE_SUPERSLAB], add_stage<HAKMEM_STAGE_SUPERSLAB>},
    {9, kStageNames[HAKMEM_STAGE_SHARED], add_stage<HAKMEM_STAGE_SHARED>},
    {11, "held", add_bytes<&hakmem_class_stats::held_bytes>},
};

constexpr Column kSpanRefillColumns[] = {
    {9, kStageNames[HAKMEM_STAGE_SITE], add_stage<HAKMEM_STAGE_SITE>},
    {9, kStageNames[HAKMEM_STAGE_STEAL], add_stage<HAKMEM_STAGE_STEAL>},
    {9, kStageNames[HAKMEM_STAGE_UNITS], add_stage<HAKMEM_STAGE_UNITS>},
    {10, kStageNames[HAKMEM_STAGE_SUPERSLAB], add_stage<HAKMEM_STAGE_SUPERSLAB>},
    {11, "held", add_bytes<&hakmem_class_stats::held_bytes>},
};

template <size_t kCount>
constexpr size_t table_width(const Column (&columns)[kCount]) {
  size_t width = kLabelColumns;
  for (const Column& column : columns) width += column.width;
  return width;
}
static_assert(table_width(kBlockColumns) <= kTableColumns && table_width(kSlabRefillColumns) <= kTableColumns);

bool was_used(const hakmem_class_stats& c) { return c.allocations != 0 || c.frees != 0 || c.live_blocks != 0; }

// Which tiers a table shows.
enum class Tiers : uint8_t { all, slabs, spans };

bool is_shown(Tiers tiers, uint32_t tier) {
  const bool has_spans = tier == HAKMEM_TIER_LARGE || tier == HAKMEM_TIER_BIG;
  return tiers == Tiers::all || (tier != HAKMEM_TIER_NONE && has_spans == (tiers == Tiers::spans));
}

template <size_t kCount>
void add_row(Text& out, const Column (&columns)[kCount], std::string_view tier, const hakmem_class_stats& c,
             size_t bytes) {
  add_label(out, tier, bytes);
  for (const Column& column : columns) column.add(out, column.width, c);
  out.add('\n');
}

template <size_t kCount>
void add_table(Text& out, const Column (&columns)[kCount], const hakmem_statistics& stats, Tiers tiers) {
  out.left(6, "tier").right(kLabelColumns - 6, "block");
  for (const Column& column : columns) out.right(column.width, column.title);
  out.add('\n');
  for (uint32_t tier = 0; tier < kTierCount; ++tier) {
    const bool is_wanted = tier == HAKMEM_TIER_NONE || was_used(stats.tiers[tier]);
    if (is_wanted && is_shown(tiers, tier)) add_row(out, columns, kTierNames[tier], stats.tiers[tier], 0);
  }
  for (uint32_t i = 0; i < class_count(stats); ++i) {
    const hakmem_class_stats& c = stats.classes[i];
    if (was_used(c) && is_shown(tiers, c.tier)) add_row(out, columns, tier_name(c.tier), c, c.block_size);
  }
  out.add('\n');
}

struct Fact {
  std::string_view name;
  uint64_t hakmem_os_stats::*where;
  std::string_view meaning;
};

constexpr Fact kSizes[] = {
    {"window", &hakmem_os_stats::window_bytes, "address range that blocks can lie in, not memory"},
    {"claimed", &hakmem_os_stats::claimed_bytes, "part of it that is mapped: in use and free"},
    {"in use", &hakmem_os_stats::in_use_bytes, "in slabs and spans"},
    {"kept", &hakmem_os_stats::kept_bytes, "of what is in use: freed large and big blocks, for reuse"},
    {"sparse", &hakmem_os_stats::sparse_bytes, "of what is in use: pages given back in slabs with few blocks"},
    {"overshoot", &hakmem_os_stats::overshoot_bytes, "in memory before a block needs it, by huge pages"},
    {"free, touched", &hakmem_os_stats::free_dirty_bytes, "still in memory, given back after HAKMEM_DECAY"},
    {"free, clean", &hakmem_os_stats::free_clean_bytes, "never touched, or given back"},
    {"metadata", &hakmem_os_stats::metadata_bytes, "hakmem's own tables, mapped, mostly untouched"},
    {"purged", &hakmem_os_stats::purged_bytes, "given back to the system so far"},
    {"populated", &hakmem_os_stats::populated_bytes, "fetched in batches instead of page by page so far"},
};

// What became of freed large and big blocks.
constexpr Fact kFreed[] = {
    {"used again", &hakmem_os_stats::reused_bytes, "in place of fresh pages and their page faults"},
    {"dropped: idle", &hakmem_os_stats::dropped_idle_bytes, "nobody came for as long as they were worth"},
    {"dropped: late", &hakmem_os_stats::dropped_late_bytes, "at once: their site comes back too late"},
    {"dropped: wanted", &hakmem_os_stats::dropped_wanted_bytes, "for other sizes, a purge, or a limit"},
    {"dropped: unkept", &hakmem_os_stats::dropped_unkept_bytes, "too large to be kept, or of no kept size"},
};

constexpr Fact kNumbers[] = {
    {"heaps", &hakmem_os_stats::heaps, "one per thread that allocates"},
    {"heaps, parked", &hakmem_os_stats::heaps_parked, "of threads that have ended, for new threads"},
    {"early returns", &hakmem_os_stats::early_returns, "calls of free with null: nothing to free"},
};

struct CallFact {
  std::string_view name;
  uint64_t hakmem_os_stats::*calls;
  uint64_t hakmem_os_stats::*refused;
  std::string_view meaning;
};

constexpr CallFact kCalls[] = {
    {"map", &hakmem_os_stats::maps, &hakmem_os_stats::maps_refused, "mmap: address range and memory"},
    {"purge", &hakmem_os_stats::purges, &hakmem_os_stats::purge_refused, "madvise: pages given back"},
    {"populate", &hakmem_os_stats::populates, &hakmem_os_stats::populate_refused, "madvise: pages ahead of use"},
    {"huge pages", &hakmem_os_stats::huge_advices, &hakmem_os_stats::huge_refused, "madvise: 2 MiB pages"},
    {"remap", &hakmem_os_stats::remaps, &hakmem_os_stats::remap_refused, "mremap: realloc without copying"},
};

void add_fact(Text& out, const Fact& fact, const hakmem_os_stats& os) {
  out.left(kLabelColumns, fact.name).right(11, human_bytes(os.*fact.where)).add("  ").add(fact.meaning).add('\n');
}

bool was_span_freed(const hakmem_os_stats& os) {
  for (const Fact& fact : kFreed)
    if (os.*fact.where != 0) return true;
  return false;
}

void add_os(Text& out, const hakmem_os_stats& os) {
  out.left(kLabelColumns, "memory").right(11, "bytes").add('\n');
  for (const Fact& fact : kSizes) add_fact(out, fact, os);
  for (const Fact& fact : kNumbers) {
    out.left(kLabelColumns, fact.name);
    add_count(out, 11, os.*fact.where);
    out.add("  ").add(fact.meaning).add('\n');
  }
  if (was_span_freed(os)) {
    out.add('\n')
        .left(kLabelColumns, "large and big")
        .right(11, "bytes")
        .add("  freed so far, and what became of it\n");
    for (const Fact& fact : kFreed) add_fact(out, fact, os);
  }
  out.add('\n').left(kLabelColumns, "system calls").right(11, "calls").right(10, "refused").add('\n');
  for (const CallFact& call : kCalls) {
    out.left(kLabelColumns, call.name);
    add_count(out, 11, os.*call.calls);
    add_count(out, 10, os.*call.refused);
    out.add("  ").add(call.meaning).add('\n');
  }
}

}  // namespace

void stats_text(Text& out, const hakmem_statistics& stats) {
  out.add(
      "hakmem statistics\n\n"
      "blocks: hits were served from the thread's list, misses by a refill; peak is the most out of slabs\n"
      "at one time; local are frees by the thread that owns the block, remote those by another\n");
  add_table(out, kBlockColumns, stats, Tiers::all);
  out.add("refills by the stage that served (docs/design.md, \"Refill\"), and memory held\n");
  add_table(out, kSlabRefillColumns, stats, Tiers::slabs);
  if (was_used(stats.tiers[HAKMEM_TIER_LARGE]) || was_used(stats.tiers[HAKMEM_TIER_BIG])) {
    out.add("the same for large and big blocks, a span each\n");
    add_table(out, kSpanRefillColumns, stats, Tiers::spans);
  }
  add_os(out, stats.os);
}

}  // namespace hak::print
