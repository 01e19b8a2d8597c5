#include "map/window.h"

#include <sys/auxv.h>

#include <cstring>

#include "base/check.h"
#include "base/sanitizer.h"
#include "map/page_map.h"
#include "map/super_slab.h"
#include "os/limits.h"
#include "os/memory.h"

namespace hak::map {

constinit uintptr_t g_window_base = 0;
constinit std::atomic<uint64_t> g_window_limit{0};
constinit PageEntry* g_page_map = nullptr;
constinit Window g_window;
constinit os::Lock g_map_lock{os::Rank::map};

namespace {

constexpr uint64_t kSmallestWindow = 16 << 20;
constexpr uint64_t kTableBytesPerSuper = sizeof(SuperSlab) + kSuperUnits * (sizeof(PageEntry) + sizeof(Line));

enum class Mode : uint8_t { claimed, reserved };

// Under the map lock, but for init_window(), which runs alone.
struct State {
  Mode mode = Mode::claimed;
  uint32_t frontier = 0;      // SuperSlabs that are mapped, or lost
  uint32_t table_supers = 0;  // SuperSlabs whose table entries are mapped; frontier <= table_supers
};
constinit State g_state;

os::Claim map_piece(uintptr_t at, uint64_t bytes) {
  void* const p = reinterpret_cast<void*>(at);
  if (g_state.mode == Mode::claimed) return os::claim(p, bytes);
  return os::commit(p, bytes) ? os::Claim::done : os::Claim::refused;
}

// Tables grow in steps in which each of them fills whole pages.
uint32_t table_step() { return static_cast<uint32_t>(os::page_size() / sizeof(SuperSlab)); }

// Maps the next part of one table. `old` and `now` count SuperSlabs.
os::Claim extend_table(void* table, uint64_t bytes_per_super, uint32_t old, uint32_t now) {
  return map_piece(reinterpret_cast<uintptr_t>(table) + old * bytes_per_super, (now - old) * bytes_per_super);
}

// Makes all three tables reach `supers` SuperSlabs, or none of them.
os::Claim extend_tables(uint32_t supers) {
  const uint32_t old = g_state.table_supers;
  if (supers <= old) return os::Claim::done;
  const uint32_t step = table_step();
  uint32_t now = old + old / 8;
  if (now < supers) now = supers;
  now = static_cast<uint32_t>(round_up(now, step));
  const uint32_t most = static_cast<uint32_t>(round_up(g_window.total_supers, step));
  if (now > most) now = most;  // behind it the next table begins
  struct Table {
    void* base;
    uint64_t bytes_per_super;
  } const tables[] = {{g_window.supers, sizeof(SuperSlab)},
                      {g_page_map, kSuperUnits * sizeof(PageEntry)},
                      {g_window.lines, kSuperUnits * sizeof(Line)}};
  for (const Table& table : tables) {
    const os::Claim claim = extend_table(table.base, table.bytes_per_super, old, now);
    if (claim == os::Claim::done) continue;
    if (g_state.mode == Mode::claimed)
      for (const Table* undo = tables; undo != &table; undo++)
        os::unmap(static_cast<char*>(undo->base) + old * undo->bytes_per_super, (now - old) * undo->bytes_per_super);
    return claim;
  }
  g_state.table_supers = now;
  return os::Claim::done;
}

// Lays tables and window out from `start` on, which has room for total_bytes(window).
void place(uintptr_t start, uint64_t window) {
  const uint64_t supers = window >> kSuperShift;
  // Tables are extended by whole pages, which may pass the last SuperSlab's entry.
  const uint64_t slots = round_up(supers, table_step());
  g_window.supers = reinterpret_cast<SuperSlab*>(start);
  g_page_map = reinterpret_cast<PageEntry*>(start + slots * sizeof(SuperSlab));
  g_window.lines = reinterpret_cast<Line*>(start + slots * (sizeof(SuperSlab) + kSuperUnits * sizeof(PageEntry)));
  g_window_base = round_up(start + slots * kTableBytesPerSuper, kSuperBytes);
  g_window.total_supers = static_cast<uint32_t>(supers);
}

uint64_t total_bytes(uint64_t window) {
  return window + round_up(window >> kSuperShift, table_step()) * kTableBytesPerSuper + kSuperBytes;
}

uint64_t random_bits() {
  uint64_t bits = 0;
  if (const auto* seed = reinterpret_cast<const unsigned char*>(getauxval(AT_RANDOM))) memcpy(&bits, seed, sizeof bits);
  return bits;
}

// The kernel places mappings downwards from the stack and upwards from the program; between an eighth and three
// eighths of the address space nobody lives.
bool try_claimed(uint64_t window) {
  if (kThreadSanitizer) return false;  // it drops addresses that it doesn't like, and dies of what mmap gives then
  const uint64_t end = os::address_end();
  if (window > end / 8) window = round_down(end / 8, kSuperBytes);
  uint64_t bits = random_bits();
  g_state.mode = Mode::claimed;
  for (int attempt = 0; attempt < 4; attempt++) {
    place(round_up(end / 8 + bits % (end / 4), uint64_t{1} << 30), window);
    const os::Claim claim = extend_tables(1);
    if (claim == os::Claim::done) return true;
    if (claim == os::Claim::refused) return false;
    bits = bits * 6364136223846793005u + 1442695040888963407u;  // Knuth, MMIX
  }
  return false;
}

bool try_reserved(uint64_t window) {
  g_state.mode = Mode::reserved;
  for (; window >= kSmallestWindow; window = round_down(window / 2, kSuperBytes)) {
    void* const start = os::reserve(total_bytes(window), kSuperBytes);
    if (start == nullptr) continue;
    place(reinterpret_cast<uintptr_t>(start), window);
    if (extend_tables(1) == os::Claim::done) return true;
    os::unmap(start, total_bytes(window));
  }
  return false;
}

void publish_limit() {
  // Release isn't needed: see Window::limit.
  g_window_limit.store(uint64_t{g_state.frontier} << kSuperShift, std::memory_order_relaxed);
}

// The next `n` SuperSlabs behind the frontier and their table entries.
os::Claim map_supers(uint32_t n) {
  if (extend_tables(g_state.frontier + n) != os::Claim::done) return os::Claim::refused;  // tables can't skip
  return map_piece(g_window_base + (uint64_t{g_state.frontier} << kSuperShift), uint64_t{n} << kSuperShift);
}

// Leaves `n` SuperSlabs to whoever lives there.
bool pass_over(uint32_t n) {
  if (extend_tables(g_state.frontier + n) != os::Claim::done) return false;
  for (uint32_t i = 0; i < n; i++) g_window.supers[g_state.frontier + i].kind = Kind::lost;
  g_state.frontier += n;
  publish_limit();
  return true;
}

}  // namespace

bool init_window(Bytes most) {
  if (try_claimed(round_up(most.n, kSuperBytes))) return true;
  // A reservation counts against RLIMIT_AS: leave the program its part.
  const uint64_t limit = os::address_space_limit();
  uint64_t window = round_up(most.n < limit ? most.n : limit, kSuperBytes);
  if (window < kSmallestWindow) window = kSmallestWindow;
  if (limit != os::kUnlimited) window = round_down(window / 4 * 3, kSuperBytes);
  return try_reserved(window);
}

uint32_t grow_window(uint32_t at_least, uint32_t wanted, uint32_t* got) {
  debug_check(g_map_lock.held_by_me(), "the window grows under the map lock");
  uint32_t n = wanted > at_least ? wanted : at_least;
  for (uint32_t skip = 1;;) {
    const uint32_t room = g_window.total_supers - g_state.frontier;
    if (at_least > room) return kNoSuper;
    if (n > room) n = room;
    const os::Claim claim = map_supers(n);
    if (claim == os::Claim::done) break;
    if (n > at_least) {
      n = n / 2 > at_least ? n / 2 : at_least;
    } else if (claim == os::Claim::refused || !pass_over(skip < room ? skip : room)) {
      return kNoSuper;
    } else {
      skip *= 2;
    }
  }
  const uint32_t first = g_state.frontier;
  for (uint32_t i = 0; i < n; i++) g_window.supers[first + i].free = ~0u;
  g_state.frontier += n;
  publish_limit();
  *got = n;
  return first;
}

bool window_is_reserved() { return g_state.mode == Mode::reserved; }

uint32_t frontier() { return g_state.frontier; }

Bytes metadata_bytes() { return {g_state.table_supers * kTableBytesPerSuper}; }

}  // namespace hak::map
