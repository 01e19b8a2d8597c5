// Loads that allocate until there is no more.
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "hakmem/hakmem.h"
#include "limits/load.h"
#include "support/allocator.h"
#include "support/opaque.h"
#include "support/proc.h"
#include "support/random.h"
#include "support/sizes.h"

extern "C" [[gnu::weak]] void hakmem_on_limit(hakmem_limit_function, void*);  // absent on other allocators

namespace hak::test {

namespace {

struct Chain {  // blocks that hold each other: no table that would need memory of its own
  struct Link {
    Link* next;
  };
  Link* first = nullptr;
  uint64_t bytes = 0;

  void add(void* block, size_t n) {
    Link* const link = static_cast<Link*>(block);
    link->next = first;
    first = link;
    bytes += n;
  }

  void free_all() {
    while (first != nullptr) {
      Link* const next = first->next;
      free(first);
      first = next;
    }
    bytes = 0;
  }
};

enum class Stop { refused, refused_without_enomem, at_the_cap };

Stop fill(Chain& chain, size_t n, uint64_t cap) {
  while (chain.bytes < cap) {
    errno = 0;
    void* const block = malloc(n);
    if (block == nullptr) return errno == ENOMEM ? Stop::refused : Stop::refused_without_enomem;
    chain.add(block, n);
  }
  return Stop::at_the_cap;
}

const char* const kNoEnomem = "null without ENOMEM";

// A process that does a little of everything, for limits under which hardly anything fits.
int start(const uint64_t*) {
  void* blocks[100];
  for (int i = 0; i < 100; i++)
    if ((blocks[i] = malloc(static_cast<size_t>(i) * 50)) == nullptr) return wrong("no memory for a small program");
  for (void* block : blocks) free(block);
  void* const larger = malloc(kMiB);
  if (larger == nullptr) return wrong("no memory for 1 MiB");
  free(larger);
  say("address_space_kib", static_cast<uint64_t>(status_field("VmSize")));
  return 0;
}

// Fills memory with blocks of one size, frees all, and goes on to the next size: all must be served by the same memory.
int every_size_in_turn(const uint64_t* arguments) {
  constexpr size_t kSizes[] = {64, 3 * kKiB, 100 * kKiB, kMiB, 5 * kMiB, 100 * kMiB};
  constexpr size_t kCount = sizeof kSizes / sizeof kSizes[0];
  const uint64_t wanted = arguments[0], cap = arguments[1];
  const size_t first = arguments[2] % kCount;
  int status = 0;
  for (size_t i = 0; i <= kCount; i++) {  // the first size once more at the end
    const size_t n = kSizes[(first + i) % kCount];
    Chain chain;
    const Stop stop = fill(chain, n, cap);
    const uint64_t got = chain.bytes;
    chain.free_all();
    say("size", n);
    say("got", got);
    if (stop == Stop::at_the_cap) return wrong("the limit does not hold");
    if (stop == Stop::refused_without_enomem) return wrong(kNoEnomem);
    if (got < (n > wanted / 2 ? n : wanted)) status = wrong("too little");
  }
  return status;
}

// The process puts the limit on itself when it already runs, fills up to it, frees, fills again, and lifts it.
int limit_at_run_time(const uint64_t* arguments) {
  const bool data = arguments[0] != 0;
  const auto resource = data ? RLIMIT_DATA : RLIMIT_AS;
  const uint64_t room = 150 * kMiB;
  free(malloc(100));
  free(malloc(5 * kMiB));
  const uint64_t now = static_cast<uint64_t>(status_field(data ? "VmData" : "VmSize")) * kKiB;
  const rlimit limited = {now + room, RLIM_INFINITY};
  if (setrlimit(resource, &limited) != 0) return wrong("setrlimit refused");
  for (int round = 0; round < 3; round++)
    for (size_t n : {size_t{200}, size_t{20'000}, kMiB, 7 * kMiB}) {
      Chain chain;
      const Stop stop = fill(chain, n, 1000 * kMiB);
      say("got", chain.bytes);
      const bool enough = chain.bytes >= 100 * kMiB, little = chain.bytes <= room + 64 * kMiB;
      chain.free_all();
      if (stop == Stop::at_the_cap) return wrong("the limit does not hold");
      if (stop == Stop::refused_without_enomem) return wrong(kNoEnomem);
      if (!enough) return wrong("too little under the limit");
      if (!little) return wrong("more than the limit");
    }
  const rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(resource, &none);
  Chain chain;
  const Stop stop = fill(chain, kMiB, 400 * kMiB);
  chain.free_all();
  return stop == Stop::at_the_cap ? 0 : wrong("no more memory although the limit is gone");
}

// ---- threads ----------------------------------------------------------------------------------------------------

std::atomic<uint64_t> g_served, g_refused;
std::atomic<bool> g_go_on;

void* hungry_thread(void*) {
  void* blocks[64];
  uint64_t served = 0, refused = 0;
  for (size_t i = 0; i < 64; i++) {
    errno = 0;
    blocks[i] = malloc(1 + i * 61);
    if (blocks[i] != nullptr) memset(blocks[i], 1, 1 + i * 61);
    else if (errno != ENOMEM) abort();
    ++(blocks[i] != nullptr ? served : refused);
  }
  g_served += served;
  g_refused += refused;
  while (!g_go_on) usleep(1000);
  for (void* block : blocks) free(block);
  return nullptr;
}

// Creates threads until the limit on address space refuses one; each allocates, and none may die of a null.
int threads_until_refused(const uint64_t* arguments) {
  const uint64_t most = arguments[0];
  static pthread_t threads[20000];
  pthread_attr_t small;
  pthread_attr_init(&small);
  const size_t least = static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN));  // 128 KiB on aarch64
  if (pthread_attr_setstacksize(&small, std::max<size_t>(64 * kKiB, least)) != 0) return wrong("no small stacks");
  for (int round = 0; round < 2; round++) {
    g_go_on = false;
    g_served = g_refused = 0;
    uint64_t started = 0;
    while (started < most && pthread_create(&threads[started], &small, hungry_thread, nullptr) == 0) started++;
    while (g_served + g_refused < started * 64) usleep(1000);
    g_go_on = true;
    for (uint64_t i = 0; i < started; i++) pthread_join(threads[i], nullptr);
    say("threads", started);
    say("served", g_served);
    say("refused", g_refused);
    void* const block = malloc(100 * kKiB);
    if (block == nullptr) return wrong("no memory although all threads have ended");
    free(block);
  }
  return 0;
}

// ---- locked memory ----------------------------------------------------------------------------------------------

int locked(const uint64_t*) {
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return 77;
  say("rss_at_start_kib", static_cast<uint64_t>(resident_kib()));
  void* blocks[2000];
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < 2000; i++) {
      const size_t n = i % 100 == 0 ? 200'000 : i * 5;
      blocks[i] = malloc(n);
      if (blocks[i] == nullptr) return wrong("no memory");
      memset(blocks[i], 1, n);
    }
    for (void* block : blocks) free(block);
  }
  malloc_trim(0);  // locked pages can't be given back: must not fail, and must not think they were
  for (size_t i = 0; i < 2000; i++) {
    const size_t n = i % 100 == 0 ? 200'000 : i * 5;
    blocks[i] = calloc(1, n);
    if (blocks[i] == nullptr) return wrong("no memory");
    for (size_t k = 0; k < n; k++)
      if (static_cast<char*>(blocks[i])[k] != 0)
        return wrong("calloc of a locked page that was not given back isn't zero");
  }
  say("rss_at_end_kib", static_cast<uint64_t>(resident_kib()));
  for (void* block : blocks) free(block);
  const auto locked_kib = [] { return static_cast<uint64_t>(status_field("VmLck")); };
  const uint64_t locked_before = locked_kib();
  void* grown = malloc(2'000'000);
  for (size_t n = 3'000'000; n < 20'000'000; n += 3'000'000) {
    void* const neighbour = malloc(n);  // so that it can't grow where it lies
    grown = realloc(grown, n);
    if (grown == nullptr || neighbour == nullptr) return wrong("no memory");
  }
  say("rss_after_growth_kib", static_cast<uint64_t>(resident_kib()));
  say("unlocked_kib", locked_kib() < locked_before ? locked_before - locked_kib() : 0);
  return 0;
}

// ---- mappings ---------------------------------------------------------------------------------------------------

// Many sizes and alignments in random order, up to 300 MiB live: how many mappings does that leave?
int mappings(const uint64_t* arguments) {
  Random random(arguments[0]);
  constexpr size_t kSlots = 3000;
  static void* slots[kSlots];
  static size_t sizes[kSlots];
  uint64_t live = 0, most = 0;
  const auto before = static_cast<uint64_t>(count_mappings());
  for (uint64_t i = 0; i < arguments[1]; i++) {
    const size_t k = random.below(kSlots);
    if (slots[k] != nullptr) {
      free(slots[k]);
      slots[k] = nullptr;
      live -= sizes[k];
      continue;
    }
    const size_t n = size_t{1} << random.between(4, random.one_in(8) ? 23 : 15);
    sizes[k] = n + random.below(n);
    if (live + sizes[k] > 300 * kMiB) continue;
    slots[k] = random.one_in(10) ? memalign(size_t{1} << random.between(4, 22), sizes[k]) : malloc(sizes[k]);
    if (slots[k] == nullptr) return wrong("no memory");
    static_cast<char*>(slots[k])[0] = 1;
    static_cast<char*>(slots[k])[sizes[k] - 1] = 1;
    live += sizes[k];
    if (i % 1000 == 0) {
      if (i % 20000 == 0) malloc_trim(0);
      const auto now = static_cast<uint64_t>(count_mappings());
      most = now > most ? now : most;
    }
  }
  for (void* block : slots) free(block);
  say("mappings_before", before);
  say("mappings_most", most);
  return 0;
}

// Every second page of a large mapping gets another protection, until vm.max_map_count is reached.
bool use_up_mappings(char*& at, size_t& pages) {
  const long most = read_number("/proc/sys/vm/max_map_count", 65530);
  if (most > 200'000) return false;
  pages = static_cast<size_t>(most) + 1000;
  at = static_cast<char*>(mmap(nullptr, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (at == MAP_FAILED) return false;
  for (size_t i = 1; i < pages; i += 2)
    if (mprotect(at + i * 4096, 4096, PROT_READ) != 0) return true;
  return false;
}

// With no mapping left, memory that is there must still be served, and what isn't is refused; free keeps errno.
int no_mappings_left(const uint64_t*) {
  constexpr size_t kBlocks = 64;
  void* blocks[kBlocks];
  for (void*& block : blocks)
    if ((block = malloc(2 * kMiB + 4096)) == nullptr) return wrong("no memory");
  char* filler;
  size_t pages;
  if (!use_up_mappings(filler, pages)) return 77;
  uint64_t served = 0, refused = 0;
  for (size_t i = 0; i < kBlocks; i += 2) {
    errno = 7777;
    free(blocks[i]);
    if (errno != 7777) return wrong("free changes errno when the kernel refuses");
    blocks[i] = nullptr;
  }
  for (size_t n = 16; n < 64 * kMiB; n += n / 2 + 16) {
    errno = 0;
    void* const block = malloc(n);
    if (block == nullptr && errno != ENOMEM) return wrong(kNoEnomem);
    if (block != nullptr) static_cast<char*>(opaque(block))[n - 1] = 1;
    ++(block != nullptr ? served : refused);
    errno = 7777;
    free(block);
    if (errno != 7777) return wrong("free changes errno when the kernel refuses");
  }
  errno = 7777;
  for (size_t i = 1; i < kBlocks; i += 2) free(blocks[i]);
  if (errno != 7777) return wrong("free changes errno when the kernel refuses");
  munmap(filler, pages * 4096);
  void* const block = malloc(100 * kMiB);
  if (block == nullptr) return wrong("no memory although mappings are free again");
  static_cast<char*>(block)[100 * kMiB - 1] = 1;
  free(block);
  say("served", served);
  say("refused", refused);
  return 0;
}

constexpr size_t kMostBlocks = 2'000'000;

void** make_table(size_t count) {  // not the allocator's
  void* const at = mmap(nullptr, count * sizeof(void*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) abort();
  return static_cast<void**>(at);
}

// ROUNDS times MIB MiB of one size after another: what one round frees has to serve the next.
int sizes_in_turn_within(const uint64_t* arguments) {
  constexpr size_t kSizes[] = {100, 3000, 40'000, 65'000, 300'000, 1'500'000, 5'000'000};
  const uint64_t rounds = arguments[0], bytes = arguments[1] * kMiB;
  void** const blocks = make_table(kMostBlocks);
  for (uint64_t round = 0; round < rounds; round++) {
    const size_t n = kSizes[round % (sizeof kSizes / sizeof kSizes[0])];
    const size_t count = bytes / n;
    for (size_t i = 0; i < count; i++) {
      if ((blocks[i] = malloc(n)) == nullptr) return wrong("no memory");
      memset(blocks[i], 1, n);
    }
    for (size_t i = 0; i < count; i++) free(blocks[i]);
  }
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
  return 0;
}

std::atomic<uint64_t> g_told;

// Blocks of SIZE bytes, written, until there is no more or MOST MiB are reached: how much there was, and how often the
// limit's function was called.
int until_limit(const uint64_t* arguments) {
  if (hakmem_on_limit != nullptr)
    hakmem_on_limit([](size_t in_use, size_t limit, void*) { g_told += in_use != 0 && limit != 0; }, nullptr);
  const size_t n = arguments[0];
  void** const blocks = make_table(kMostBlocks);
  size_t count = 0;
  for (; count * n < arguments[1] * kMiB; count++) {
    if ((blocks[count] = malloc(n)) == nullptr) break;
    memset(blocks[count], 1, n);
  }
  say("got_kib", count * n / kKiB);
  say("told", g_told);
  say("enomem", count * n < arguments[1] * kMiB && errno == ENOMEM);
  for (size_t i = 0; i < count; i++) free(blocks[i]);
  void* const again = malloc(n);
  if (again == nullptr) return wrong("what was freed does not serve again");
  free(again);
  return 0;
}

}  // namespace

const Load kLimitLoads[] = {
    {"sizes-in-turn-within", "ROUNDS MIB", sizes_in_turn_within},
    {"until-limit", "SIZE MOST-MIB", until_limit},
    {"start", "", start},
    {"every-size-in-turn", "WANTED-BYTES CAP-BYTES FIRST", every_size_in_turn},
    {"limit-at-run-time", "0=RLIMIT_AS|1=RLIMIT_DATA", limit_at_run_time},
    {"threads-until-refused", "MOST", threads_until_refused},
    {"locked", "", locked},
    {"mappings", "SEED OPERATIONS", mappings},
    {"no-mappings-left", "", no_mappings_left},
    {nullptr, nullptr, nullptr},
};

}  // namespace hak::test
