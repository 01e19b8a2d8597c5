// glibc's own malloc functions beside the standard ones: figures from hakmem_stats(), trimming by hakmem_purge().
// Their meaning is that of the man pages mallinfo(3), mallopt(3), malloc_stats(3), malloc_info(3), malloc_trim(3).
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>

#include "api/statistics.h"
#include "base/format.h"
#include "hakmem/hakmem.h"
#include "os/output.h"
#include "print/stats_text.h"
#include "print/stats_xml.h"

namespace hak {

namespace {

using api::Statistics;

uint64_t difference(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

// glibc's "arena" is our tiny, mid and large tiers, its "mmapped regions" are our big blocks.
struct mallinfo2 current_mallinfo() {
  struct mallinfo2 info = {};
  const Statistics stats;
  if (!stats) return info;
  const hakmem_class_stats& all = stats->tiers[HAKMEM_TIER_NONE];
  const hakmem_class_stats& big = stats->tiers[HAKMEM_TIER_BIG];
  info.arena = difference(stats->os.claimed_bytes, big.live_bytes);
  info.hblks = big.live_blocks;
  info.hblkhd = big.live_bytes;
  info.uordblks = difference(all.live_bytes, big.live_bytes);
  info.fordblks = difference(info.arena, info.uordblks);
  info.keepcost = stats->os.free_dirty_bytes;
  for (uint32_t i = 0; i < stats->class_count && i < HAKMEM_CLASSES_MAX; ++i) {
    const hakmem_class_stats& c = stats->classes[i];
    const bool in_slabs = c.tier == HAKMEM_TIER_TINY || c.tier == HAKMEM_TIER_MID;
    if (in_slabs && c.block_size != 0) info.ordblks += difference(c.held_bytes, c.live_bytes) / c.block_size;
  }
  return info;
}

// The old interface has ints; where glibc wraps around, the largest int is nearer to the truth.
int clamp(size_t n) { return n > INT_MAX ? INT_MAX : static_cast<int>(n); }

struct mallinfo clamped(const struct mallinfo2& wide) {
  struct mallinfo info = {};
  info.arena = clamp(wide.arena);
  info.ordblks = clamp(wide.ordblks);
  info.hblks = clamp(wide.hblks);
  info.hblkhd = clamp(wide.hblkhd);
  info.uordblks = clamp(wide.uordblks);
  info.fordblks = clamp(wide.fordblks);
  info.keepcost = clamp(wide.keepcost);
  return info;
}

// Parameters of glibc's: accepted, for a program that sets them must not fail, and without effect. Those that glibc
// checks are checked.
constexpr int kMaxFast = static_cast<int>(80 * sizeof(size_t) / 4);

int accept_parameter(int parameter, int value) {
  switch (parameter) {
    case M_MXFAST:
      return value >= 0 && value <= kMaxFast;
    case M_NLBLKS:
    case M_GRAIN:
    case M_KEEP:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
      return 1;
    default:
      return 0;
  }
}

// The lines that glibc's malloc_stats ends with, in its words: there are programs that look for them.
void add_glibc_summary(Text& out, const hakmem_statistics& stats) {
  const auto line = [&out](std::string_view name, uint64_t value) {
    out.left(16, name).add(" = ").right(10, decimal(value)).add('\n');
  };
  const hakmem_class_stats& big = stats.tiers[HAKMEM_TIER_BIG];
  out.add("Total (incl. mmap):\n");
  line("system bytes", stats.os.claimed_bytes);
  line("in use bytes", stats.tiers[HAKMEM_TIER_NONE].live_bytes);
  line("max mmap regions", big.peak_blocks);
  line("max mmap bytes", stats.os.claimed_bytes);
}

void print_statistics() {
  const Statistics stats;
  if (!stats) return os::message("malloc_stats: no memory for the figures");
  char buffer[1024];
  int fd = STDERR_FILENO;
  Text out(buffer, sizeof buffer, os::flush_to_fd, os::fd_context(fd));
  add_glibc_summary(out, *stats);
  print::stats_text(out, *stats);
  out.flush();
}

void flush_to_stream(void* stream, std::string_view bytes) {
  fwrite(bytes.data(), 1, bytes.size(), static_cast<FILE*>(stream));
}

int write_info(int options, FILE* stream) {
  if (options != 0) return EINVAL;
  const Statistics stats;
  if (!stats) return ENOMEM;
  char buffer[1024];
  Text out(buffer, sizeof buffer, flush_to_stream, stream);
  print::stats_xml(out, *stats);
  out.flush();
  return 0;
}

}  // namespace

}  // namespace hak

#define HAKMEM_EXPORT [[gnu::visibility("default")]]

extern "C" {

HAKMEM_EXPORT struct mallinfo2 mallinfo2(void) noexcept { return hak::current_mallinfo(); }

HAKMEM_EXPORT struct mallinfo mallinfo(void) noexcept { return hak::clamped(hak::current_mallinfo()); }

HAKMEM_EXPORT int mallopt(int parameter, int value) noexcept { return hak::accept_parameter(parameter, value); }

HAKMEM_EXPORT void malloc_stats(void) noexcept { hak::print_statistics(); }

HAKMEM_EXPORT int malloc_info(int options, FILE* stream) noexcept { return hak::write_info(options, stream); }

HAKMEM_EXPORT int malloc_trim(size_t pad) noexcept { return hakmem_purge(pad) > 0 ? 1 : 0; }

}  // extern "C"
