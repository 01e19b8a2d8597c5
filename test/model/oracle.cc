#include "model/oracle.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "support/pattern.h"
#include "support/sizes.h"

namespace hak::test {

namespace {

using ull = unsigned long long;

size_t length(const Block& b) { return b.usable > 0 ? b.usable : 1; }

}  // namespace

void check_contents(const Block& b) {
  const size_t broken = find_broken_pattern(b.at, b.size, b.number, b.size);
  if (broken != kPatternKept)
    fail("block %p of %zu bytes (usable %zu): byte %zu changed", static_cast<void*>(b.at), b.size, b.usable, broken);
}

void check_promises(const Block& b) {
  if (reinterpret_cast<uintptr_t>(b.at) % b.alignment != 0)
    fail("block %p is not aligned to %zu", static_cast<void*>(b.at), b.alignment);
  const size_t usable = call_usable_size(b.at);
  if (usable != b.usable || usable < b.size)
    fail("block %p of %zu bytes: usable size %zu, before it was %zu", static_cast<void*>(b.at), b.size, usable,
         b.usable);
  static auto* const info_of = find_block_info();
  if (info_of == nullptr) return;
  for (size_t inside : {size_t{0}, b.number % length(b), length(b) - 1}) {
    const hakmem_block info = info_of(b.at + inside);
    if (info.state != HAKMEM_BLOCK_LIVE || info.start != b.at || info.usable_size != b.usable ||
        info.interior != (inside != 0))
      fail("block %p + %zu of %zu usable bytes: hakmem_block_info says state %u, start %p, usable %zu, interior %u",
           static_cast<void*>(b.at), inside, b.usable, info.state, info.start, info.usable_size, info.interior);
    const uint32_t tier = usable <= kKiB       ? HAKMEM_TIER_TINY
                          : usable < 64 * kKiB ? HAKMEM_TIER_MID
                          : usable <= kMiB     ? HAKMEM_TIER_LARGE
                                               : HAKMEM_TIER_BIG;
    if (info.tier != tier)
      fail("block %p of %zu usable bytes: tier %u instead of %u", static_cast<void*>(b.at), usable, info.tier, tier);
  }
}

void Intervals::insert(const Block& b) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(b.at), end = begin + length(b);
  auto after = ends_.lower_bound(begin);
  if (after != ends_.end() && after->first < end)
    fail("block [%#zx, %#zx) overlaps the live one at %#zx", begin, end, after->first);
  if (after != ends_.begin()) {
    const auto before = std::prev(after);
    if (before->second > begin)
      fail("block [%#zx, %#zx) overlaps the live [%#zx, %#zx)", begin, end, before->first, before->second);
  }
  ends_.emplace_hint(after, begin, end);
}

void Intervals::erase(const Block& b) { ends_.erase(reinterpret_cast<uintptr_t>(b.at)); }

void check_overlap(ArenaVector<Block>& live) {
  std::sort(live.begin(), live.end(), [](const Block& a, const Block& b) { return a.at < b.at; });
  for (size_t i = 1; i < live.size(); i++)
    if (live[i - 1].at + length(live[i - 1]) > live[i].at)
      fail("block %p of %zu usable bytes overlaps the one at %p", static_cast<void*>(live[i - 1].at),
           live[i - 1].usable, static_cast<void*>(live[i].at));
}

void Counters::remember_start() {
  if (auto* const stats = find_stats()) stats(&start_, sizeof start_);
  read_calls(calls_at_start_);
}

namespace {

struct Live {
  uint64_t blocks = 0, bytes = 0;
};

void check_equations(const hakmem_class_stats& c, const char* name, unsigned index) {
  uint64_t refills = 0;
  for (uint64_t n : c.refills) refills += n;
  const struct {
    const char* rule;
    uint64_t left, right;
  } rules[] = {
      {"live_blocks = allocations - frees", c.live_blocks, c.allocations - c.frees},
      {"allocations = hits + misses", c.allocations, c.hits + c.misses},
      {"misses = sum of refills", c.misses, refills},
      {"frees = frees_local + frees_remote", c.frees, c.frees_local + c.frees_remote},
  };
  for (const auto& rule : rules)
    if (rule.left != rule.right)
      fail("%s %u (blocks of %zu): %s: %llu is not %llu", name, index, c.block_size, rule.rule,
           static_cast<ull>(rule.left), static_cast<ull>(rule.right));
  if (c.live_bytes > c.held_bytes)
    fail("%s %u: %llu bytes live in slabs of %llu", name, index, static_cast<ull>(c.live_bytes),
         static_cast<ull>(c.held_bytes));
  if (c.peak_blocks < c.live_blocks)
    fail("%s %u: peak %llu below the live %llu", name, index, static_cast<ull>(c.peak_blocks),
         static_cast<ull>(c.live_blocks));
}

void expect(uint64_t counted, uint64_t oracle, const char* what, const char* name, unsigned index, size_t block_size) {
  if (counted != oracle)
    fail("%s of %s %u (blocks of %zu): counted %llu, the oracle has %llu", what, name, index, block_size,
         static_cast<ull>(counted), static_cast<ull>(oracle));
}

}  // namespace

void Counters::check(const ArenaVector<Block>& live) {
  auto* const stats = find_stats();
  if (stats == nullptr) return;
  if (const int error = stats(&now_, sizeof now_); error != 0) fail("hakmem_stats: error %d", error);
  check_live(live);
  check_calls();
  check_memory();
}

void Counters::check_live(const ArenaVector<Block>& live) const {
  auto* const info_of = find_block_info();
  static Live classes[HAKMEM_CLASSES_MAX], tiers[5];
  std::fill(std::begin(classes), std::end(classes), Live{});
  std::fill(std::begin(tiers), std::end(tiers), Live{});
  for (const Block& block : live) {
    const hakmem_block info = info_of(block.at);
    if (info.size_class >= now_.class_count)
      fail("block %p: there is no class %u", static_cast<void*>(block.at), info.size_class);
    for (Live* sum : {&classes[info.size_class], &tiers[info.tier], &tiers[0]}) {
      sum->blocks++;
      sum->bytes += info.usable_size;
    }
  }
  for (unsigned i = 0; i < now_.class_count; i++) {
    const hakmem_class_stats &c = now_.classes[i], &s = start_.classes[i];
    check_equations(c, "class", i);
    expect(c.live_blocks, s.live_blocks + classes[i].blocks, "live_blocks", "class", i, c.block_size);
    expect(c.live_bytes, s.live_bytes + classes[i].bytes, "live_bytes", "class", i, c.block_size);
  }
  for (unsigned i = 0; i < 5; i++) {
    const hakmem_class_stats &c = now_.tiers[i], &s = start_.tiers[i];
    expect(c.live_blocks, s.live_blocks + tiers[i].blocks, "live_blocks", "tier", i, 0);
    expect(c.live_bytes, s.live_bytes + tiers[i].bytes, "live_bytes", "tier", i, 0);
    if (c.allocations != c.hits + c.misses || c.live_blocks != c.allocations - c.frees)
      fail("tier %u: sums don't add up", i);
  }
}

void Counters::check_calls() const {
  static Calls calls[HAKMEM_CLASSES_MAX];
  if (!read_calls(calls)) return;
  for (unsigned i = 0; i < now_.class_count; i++) {
    const hakmem_class_stats &c = now_.classes[i], &s = start_.classes[i];
    const Calls &made = calls[i], &before = calls_at_start_[i];
    const auto check = [&](const char* what, uint64_t counted, uint64_t at_start, uint64_t Calls::*which) {
      expect(counted - at_start, made.*which - before.*which, what, "class", i, c.block_size);
    };
    check("allocations", c.allocations, s.allocations, &Calls::allocations);
    check("frees_local", c.frees_local, s.frees_local, &Calls::frees_local);
    check("frees_remote", c.frees_remote, s.frees_remote, &Calls::frees_remote);
  }
}

void Counters::check_memory() const {
  const hakmem_os_stats& os = now_.os;
  if (os.claimed_bytes != os.free_clean_bytes + os.free_dirty_bytes + os.in_use_bytes)
    fail("claimed %llu is not clean %llu + dirty %llu + in use %llu", static_cast<ull>(os.claimed_bytes),
         static_cast<ull>(os.free_clean_bytes), static_cast<ull>(os.free_dirty_bytes),
         static_cast<ull>(os.in_use_bytes));
  if (os.claimed_bytes > os.window_bytes) fail("more is claimed than the window has");
  if (now_.tiers[0].held_bytes > os.in_use_bytes)
    fail("slabs and spans hold %llu bytes of %llu in use", static_cast<ull>(now_.tiers[0].held_bytes),
         static_cast<ull>(os.in_use_bytes));
  if (os.heaps_parked > os.heaps) fail("more heaps are parked than there are");
  // Tables and heaps are made of whole pages: where those are larger there is more.
  constexpr long kPageBytes = 4096;
  if (sysconf(_SC_PAGESIZE) == kPageBytes && os.metadata_bytes > os.claimed_bytes / 200 + kMiB)
    fail("%llu bytes of metadata are more than 0.5 %% of %llu and 1 MiB", static_cast<ull>(os.metadata_bytes),
         static_cast<ull>(os.claimed_bytes));
}

}  // namespace hak::test
