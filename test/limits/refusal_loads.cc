// A load that takes null for an answer: all functions, all sizes, threads; contents are checked, and at the end
// everything is freed and the counters must say so. Run while the kernel refuses calls (HAKMEM_FAULT).
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "limits/load.h"
#include "support/allocator.h"
#include "support/pattern.h"
#include "support/random.h"
#include "support/sizes.h"

namespace hak::test {

namespace {

struct Held {
  void* block;
  size_t bytes;
  uint64_t number;
};

std::atomic<uint64_t> g_numbers{1}, g_served, g_refused, g_wrong;
std::atomic<const char*> g_what{nullptr};

// Where there is no memory at all libstdc++ has not even got its reserve for exceptions (73 KB, taken at start), and
// ends the process instead of throwing.
bool g_can_throw;

void complain(const char* what) {
  g_what = what;
  g_wrong++;
}

void* allocate(Random& random, size_t n) {
  void* block = nullptr;
  const size_t alignment = size_t{1} << random.between(4, 16);
  errno = 0;
  switch (random.below(7)) {
    case 0:
      block = calloc(n, 1);
      break;
    case 1:
      block = memalign(alignment, n);
      break;
    case 2:
      return posix_memalign(&block, alignment, n) == 0 ? block : nullptr;
    case 3:
      if (!g_can_throw) return ::operator new(n, std::nothrow);
      try {
        block = ::operator new(n);
      } catch (const std::bad_alloc&) {
        return nullptr;
      }
      break;
    case 4:
      return ::operator new(n, std::nothrow);
    default:
      block = malloc(n);
  }
  if (block == nullptr && errno != ENOMEM) complain("null without ENOMEM");
  return block;
}

void check(const Held& held) {
  if (find_broken_pattern(held.block, held.bytes, held.number, held.bytes) != kPatternKept)
    complain("a block's contents changed");
}

void put(Held& held, void* block, size_t n) {
  held = {block, n, g_numbers++};
  fill_pattern(block, n, held.number);
}

void change(Random& random, Held& held, size_t n) {
  if (held.block == nullptr) {
    void* const block = allocate(random, n);
    ++(block != nullptr ? g_served : g_refused);
    if (block != nullptr) put(held, block, n);
    return;
  }
  check(held);
  if (random.one_in(3)) {
    errno = 0;
    void* const block = realloc(held.block, n + 1);
    ++(block != nullptr ? g_served : g_refused);
    if (block == nullptr) {
      if (errno != ENOMEM) complain("realloc: null without ENOMEM");
      check(held);  // the old block is as it was
      return;
    }
    if (find_broken_pattern(block, held.bytes, held.number, held.bytes < n ? held.bytes : n) != kPatternKept)
      complain("realloc lost contents");
    put(held, block, n + 1);
    return;
  }
  errno = 7777;
  free(held.block);
  if (errno != 7777) complain("free changes errno");
  held.block = nullptr;
}

size_t choose_size(Random& random) {
  const uint64_t kind = random.below(100);
  if (kind < 70) return random.below(1025);
  if (kind < 90) return random.between(1025, 65536);
  if (kind < 98) return random.between(65537, kMiB);
  return random.between(kMiB, 6 * kMiB);
}

void work(uint64_t seed, uint64_t operations) {
  Random random(seed);
  static thread_local Held held[150];
  for (uint64_t i = 0; i < operations; i++) {
    change(random, held[random.below(150)], choose_size(random));
    if (i % 500 == 0) malloc_trim(0);
  }
  for (Held& h : held) {
    if (h.block == nullptr) continue;
    check(h);
    free(h.block);
    h.block = nullptr;
  }
}

struct Share {
  uint64_t seed, operations;
};

void* thread_work(void* argument) {
  const Share& share = *static_cast<Share*>(argument);
  work(share.seed, share.operations);
  return nullptr;
}

uint64_t live_blocks() {
  static hakmem_statistics stats;
  hakmem()->stats(&stats, sizeof stats);
  return stats.tiers[0].live_blocks;
}

void run_threads(uint64_t count, uint64_t seed, uint64_t operations) {
  static pthread_t threads[64];
  static Share shares[64];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes,
                            256 * kKiB);  // glibc keeps the stacks, and what belongs to them, for the next ones
  uint64_t started = 0;
  for (uint64_t i = 0; i < count && i < 64; i++) {
    shares[started] = {seed + i, operations};
    if (pthread_create(&threads[started], &attributes, thread_work, &shares[started]) == 0) started++;
  }
  for (uint64_t i = 0; i < started; i++) pthread_join(threads[i], nullptr);
}

// THREADS threads (0: this one alone) of OPERATIONS each, from SEED on.
int refusals(const uint64_t* arguments) {
  const uint64_t threads = arguments[0], operations = arguments[1], seed = arguments[2];
  void* const reserve = malloc(80'000);
  g_can_throw = reserve != nullptr;
  free(reserve);
  run_threads(threads, 0, 1);  // stacks and what libc keeps with them
  work(seed, 1);
  const uint64_t before = is_hakmem() ? live_blocks() : 0;
  work(seed, operations);
  run_threads(threads, seed + 1, operations);
  const uint64_t after = is_hakmem() ? live_blocks() : 0;
  say("served", g_served);
  say("refused", g_refused);
  say("live_before", before);
  say("live_after", after);
  if (g_wrong > 0) return wrong(g_what);
  // A thread that could not be created in the warm-up, but later, leaves its stack's few blocks with libc.
  if (after > before + threads * 2) return wrong("blocks leaked");
  return 0;
}

}  // namespace

const Load kRefusalLoads[] = {
    {"refusals", "THREADS OPERATIONS SEED", refusals},
    {nullptr, nullptr, nullptr},
};

}  // namespace hak::test
