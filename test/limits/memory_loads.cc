// Loads whose resident memory is measured.
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "limits/load.h"
#include "support/allocator.h"
#include "support/opaque.h"
#include "support/proc.h"
#include "support/random.h"
#include "support/sizes.h"

namespace hak::test {

namespace {

void** make_table(size_t count) {  // not the allocator's
  void* const at = mmap(nullptr, count * sizeof(void*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<void**>(at);
}

pthread_t start_thread(void* (*function)(void*), void* argument, size_t stack_bytes = 64 * kKiB) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, function, argument) != 0) abort();
  pthread_attr_destroy(&attributes);
  return thread;
}

void say_memory() {
  say("rss_kib", static_cast<uint64_t>(resident_kib()));
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
}

// COUNT blocks of SIZE bytes, of which the first TOUCHED are written.
int blocks(const uint64_t* arguments) {
  const size_t count = arguments[0], n = arguments[1], touched = arguments[2];
  void** const table = make_table(count);
  for (size_t i = 0; i < count; i++) {
    if ((table[i] = malloc(n)) == nullptr) return wrong("no memory");
    memset(table[i], 1, touched);
  }
  say_memory();
  for (size_t i = 0; i < count; i++) free(table[i]);
  return 0;
}

// ---- threads -----------------------------------------------------------------------------------------------------

std::atomic<uint64_t> g_ready;
std::atomic<bool> g_end;

// Small blocks of all kinds, all written, to so many bytes.
void* small_user(void* argument) {
  const size_t bytes = reinterpret_cast<size_t>(argument);
  Random random(bytes + g_ready);
  void* table[512];
  size_t count = 0;
  for (size_t sum = 0; sum < bytes && count < 512; count++) {
    const size_t n = random.between(16, 512);
    table[count] = malloc(n);
    if (table[count] == nullptr) abort();
    memset(table[count], 1, n);
    sum += n;
  }
  g_ready++;
  while (!g_end) usleep(20'000);
  for (size_t i = 0; i < count; i++) free(table[i]);
  return nullptr;
}

// COUNT threads live at once, that asked for BYTES together.
int live_threads(const uint64_t* arguments) {
  const uint64_t count = arguments[0];
  auto* const threads = reinterpret_cast<pthread_t*>(make_table(count));
  for (uint64_t i = 0; i < count; i++)
    threads[i] = start_thread(small_user, reinterpret_cast<void*>(arguments[1] / count));
  while (g_ready < count) usleep(1000);
  say_memory();
  g_end = true;
  for (uint64_t i = 0; i < count; i++) pthread_join(threads[i], nullptr);
  return 0;
}

pthread_barrier_t g_all_here;

void* short_life(void* argument) {
  Random random(reinterpret_cast<uint64_t>(argument));
  void* table[40];
  for (void*& block : table) {
    const size_t n = random.between(1, 2000);
    block = malloc(n);
    if (block == nullptr) abort();
    memset(block, 1, n);
  }
  pthread_barrier_wait(&g_all_here);  // they hold their blocks at the same time
  for (void* block : table) free(block);
  return nullptr;
}

// COUNT threads, AT-ONCE of them living at a time. Growth is counted from the first tenth on.
int threads_come_and_go(const uint64_t* arguments) {
  const uint64_t count = arguments[0], at_once = arguments[1];
  auto* const threads = reinterpret_cast<pthread_t*>(make_table(at_once));
  pthread_barrier_init(&g_all_here, nullptr, static_cast<unsigned>(at_once));
  uint64_t rss_early = 0;
  for (uint64_t i = 0; i < count; i += at_once) {
    for (uint64_t k = 0; k < at_once; k++) threads[k] = start_thread(short_life, reinterpret_cast<void*>(i + k));
    for (uint64_t k = 0; k < at_once; k++) pthread_join(threads[k], nullptr);
    if (rss_early == 0 && i >= count / 10) rss_early = static_cast<uint64_t>(resident_kib());
  }
  const auto rss_late = static_cast<uint64_t>(resident_kib());
  say("rss_kib", rss_late);
  say("growth_kib", rss_late > rss_early ? rss_late - rss_early : 0);
  return 0;
}

// ---- blocks that another thread frees ------------------------------------------------------------------------------

constexpr size_t kRing = 1024;
std::atomic<void*> g_ring[kRing];

void* consumer(void* argument) {
  const uint64_t count = reinterpret_cast<uint64_t>(argument);
  for (uint64_t i = 0; i < count; i++) {
    std::atomic<void*>& place = g_ring[i % kRing];
    void* block;
    while ((block = place.exchange(nullptr, std::memory_order_acquire)) == nullptr) sched_yield();
    free(block);
  }
  return nullptr;
}

// One thread allocates COUNT blocks of 16 to 512 bytes, another frees them all. Growth from the first tenth on.
int freed_elsewhere(const uint64_t* arguments) {
  const uint64_t count = arguments[0];
  Random random(7);
  const pthread_t thread = start_thread(consumer, reinterpret_cast<void*>(count));
  uint64_t rss_early = 0;
  for (uint64_t i = 0; i < count; i++) {
    const size_t n = random.between(16, 512);
    void* const block = malloc(n);
    if (block == nullptr) return wrong("no memory");
    static_cast<char*>(block)[0] = 1;
    std::atomic<void*>& place = g_ring[i % kRing];
    while (place.load(std::memory_order_relaxed) != nullptr) sched_yield();
    place.store(block, std::memory_order_release);
    if (i == count / 10) rss_early = static_cast<uint64_t>(resident_kib());
  }
  pthread_join(thread, nullptr);
  const auto rss_late = static_cast<uint64_t>(resident_kib());
  say("rss_kib", rss_late);
  say("growth_kib", rss_late > rss_early ? rss_late - rss_early : 0);
  return 0;
}

struct Owner {
  void** table;
  size_t blocks, bytes_each;
  std::atomic<bool> done;
};

void* allocate_then_sleep(void* argument) {
  Owner& owner = *static_cast<Owner*>(argument);
  for (size_t i = 0; i < owner.blocks; i++) {
    owner.table[i] = malloc(owner.bytes_each);
    if (owner.table[i] == nullptr) abort();
    memset(owner.table[i], 1, owner.bytes_each);
  }
  owner.done = true;
  while (!g_end) usleep(10'000);
  return nullptr;
}

// Four threads in turn allocate MIB MiB in blocks of BYTES and sleep; this thread frees it all. Resident memory must
// not add up from one to the next.
int owners_sleep(const uint64_t* arguments) {
  const size_t bytes_each = arguments[1], count = arguments[0] * kMiB / bytes_each;
  static Owner owners[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    owners[i].table = make_table(count);
    owners[i].blocks = count;
    owners[i].bytes_each = bytes_each;
    threads[i] = start_thread(allocate_then_sleep, &owners[i]);
    while (!owners[i].done) usleep(1000);
    for (size_t k = 0; k < count; k++) free(owners[i].table[k]);
    munmap(owners[i].table, count * sizeof(void*));
    const char* const names[] = {"rss_1_kib", "rss_2_kib", "rss_3_kib", "rss_4_kib"};
    say(names[i], static_cast<uint64_t>(resident_kib()));
  }
  usleep(static_cast<useconds_t>(arguments[2] * 1000));
  say("settled_kib", static_cast<uint64_t>(resident_kib()));
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
  g_end = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  return 0;
}

// A thread allocates MIB MiB in blocks of BYTES and sleeps; this one frees all but one in ONE-IN, at random.
int freed_of_a_sleeper(const uint64_t* arguments) {
  static Owner owner;
  owner.bytes_each = arguments[1];
  owner.blocks = arguments[0] * kMiB / owner.bytes_each;
  owner.table = make_table(owner.blocks);
  const pthread_t thread = start_thread(allocate_then_sleep, &owner);
  while (!owner.done) usleep(1000);
  Random random(7);
  for (size_t i = owner.blocks; i > 1; i--) std::swap(owner.table[i - 1], owner.table[random.below(i)]);
  const size_t kept = owner.blocks / arguments[2];
  for (size_t i = kept; i < owner.blocks; i++) free(owner.table[i]);
  usleep(2'000'000);
  say("settled_kib", static_cast<uint64_t>(resident_kib()));
  say("kept_kib", kept * owner.bytes_each / 1024);
  g_end = true;
  pthread_join(thread, nullptr);
  for (size_t i = 0; i < kept; i++) free(owner.table[i]);
  return 0;
}

// ---- small programs ----------------------------------------------------------------------------------------------

// A heap of BYTES live bytes in blocks of 16 to 512, with as much coming and going.
int small_heap(const uint64_t* arguments) {
  Random random(3);
  const size_t count = arguments[0] / 264;  // the mean size
  void** const table = make_table(count);
  for (size_t i = 0; i < count * 4; i++) {
    const size_t k = i < count ? i : random.below(count);
    free(table[k]);
    const size_t n = random.between(16, 512);
    if ((table[k] = malloc(n)) == nullptr) return wrong("no memory");
    memset(table[k], 1, n);
  }
  say_memory();
  for (size_t i = 0; i < count; i++) free(table[i]);
  return 0;
}

// A peak of MIB MiB of mixed blocks, all freed; what is resident after a purge.
int after_a_peak(const uint64_t* arguments) {
  malloc_trim(0);
  const auto before = static_cast<uint64_t>(resident_kib());
  Random random(5);
  const size_t most = arguments[0] * kMiB / 300;
  void** const table = make_table(most);
  size_t count = 0;
  for (uint64_t sum = 0; sum < arguments[0] * kMiB && count < most; count++) {
    const size_t n = random.one_in(50) ? random.between(1000, 100'000) : random.between(16, 600);
    if ((table[count] = malloc(n)) == nullptr) return wrong("no memory");
    memset(table[count], 1, n);
    sum += n;
  }
  say("peak_rss_kib", static_cast<uint64_t>(resident_kib()));
  for (size_t i = 0; i < count; i++) free(table[i]);
  munmap(table, most * sizeof(void*));
  malloc_trim(0);
  const auto after = static_cast<uint64_t>(resident_kib());
  say("left_kib", after > before ? after - before : 0);
  return 0;
}

struct Peak {
  size_t bytes, block_bytes;
};

// So many blocks, of which one in 500 stays.
void* peak_then_sleep(void* argument) {
  constexpr size_t kOneIn = 500;
  const Peak& peak = *static_cast<const Peak*>(argument);
  const size_t count = peak.bytes / peak.block_bytes;
  void** const table = make_table(count);
  for (size_t i = 0; i < count; i++) {
    if ((table[i] = malloc(peak.block_bytes)) == nullptr) abort();
    memset(table[i], 1, peak.block_bytes);
  }
  for (size_t i = 0; i < count; i++)
    if (i % kOneIn != 0) free(table[i]);
  munmap(table, count * sizeof(void*));
  g_ready++;
  while (!g_end) usleep(10'000);
  return nullptr;
}

// A peak of small blocks in the process's first moments, and then nobody calls the allocator any more.
int early_peak(const uint64_t* arguments) {
  constexpr uint64_t kMostThreads = 64;
  const uint64_t count = arguments[1] < kMostThreads ? arguments[1] : kMostThreads;
  Peak each = {arguments[0] * kMiB / count, arguments[2]};
  pthread_t threads[kMostThreads];
  for (uint64_t i = 0; i < count; i++) threads[i] = start_thread(peak_then_sleep, &each);
  while (g_ready < count) usleep(1000);
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
  usleep(2'500'000);
  say("left_kib", static_cast<uint64_t>(resident_kib()));
  g_end = true;
  for (uint64_t i = 0; i < count; i++) pthread_join(threads[i], nullptr);
  return 0;
}

// A block of MIB is filled and freed, TIMES times, PAUSE-MS after it was made; then nobody calls the allocator any more.
int big_then_sleep(const uint64_t* arguments) {
  const size_t n = arguments[0] * kMiB;
  for (uint64_t i = 0; i < arguments[1]; i++) {
    auto* const p = static_cast<char*>(malloc(n));
    if (p == nullptr) return wrong("no memory");
    for (size_t at = 0; at < n; at += 4096) p[at] = 1;
    usleep(static_cast<useconds_t>(arguments[2] * 1000));
    free(p);
  }
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
  usleep(2'500'000);
  say("left_kib", static_cast<uint64_t>(resident_kib()));
  return 0;
}

// A block that grows to four tenths of MIB, and then another of three: seven tenths of what may be had.
int growth_within(const uint64_t* arguments) {
  const size_t tenth = arguments[0] * kMiB / 10;
  void* const first = malloc(3 * tenth);
  void* const wall = malloc(tenth / 2);
  void* const grown = first != nullptr ? realloc(first, 4 * tenth) : nullptr;
  if (wall == nullptr || grown == nullptr) return wrong("no memory to grow");
  void* const other = malloc(3 * tenth);
  if (other == nullptr) return wrong("no memory for another block");
  free(grown);
  free(wall);
  free(other);
  return 0;
}

// A block of 55 hundredths of MIB that has to move to grow to 70.
int growth_moved(const uint64_t* arguments) {
  const size_t hundredth = arguments[0] * kMiB / 100;
  auto* const first = static_cast<char*>(malloc(55 * hundredth));
  void* const wall = malloc(2 * hundredth);
  if (first == nullptr || wall == nullptr) return wrong("no memory");
  memset(first, 1, 55 * hundredth);
  auto* const grown = static_cast<char*>(realloc(first, 70 * hundredth));
  if (grown == nullptr) return wrong("no memory to grow");
  if (grown[0] != 1 || grown[55 * hundredth - 1] != 1) return wrong("the contents are gone");
  free(grown);
  free(wall);
  return 0;
}

// So many times: BUFFERS grow side by side to MIB each, by half again and again, and are freed. Their contents are kept.
int growth_again(const uint64_t* arguments) {
  const size_t rounds = arguments[0], buffers = arguments[1], most = arguments[2] * kMiB;
  void** const table = make_table(buffers);
  for (size_t round = 0; round < rounds; round++) {
    for (size_t n = 0, grown = 64; n < most; n = grown, grown = grown < most / 3 * 2 ? grown / 2 * 3 : most) {
      for (size_t i = 0; i < buffers; i++) {
        auto* const p = static_cast<char*>(table[i] = realloc(table[i], grown));
        if (p == nullptr) return wrong("no memory");
        const auto mark = static_cast<char>(i + round);
        if (n != 0 && (p[0] != mark || p[n - 1] != mark)) return wrong("the contents are gone");
        memset(p + n, mark, grown - n);
      }
    }
    for (size_t i = 0; i < buffers; i++) free(std::exchange(table[i], nullptr));
  }
  say_memory();
  return 0;
}

// Four blocks of other sizes are filled and freed, then seven tenths of MIB in blocks of BYTES.
int kept_then_others(const uint64_t* arguments) {
  const size_t whole = arguments[0] * kMiB;
  for (const size_t part : {size_t{14}, size_t{16}, size_t{31}, size_t{62}}) {  // no fit for the next, nor all together
    const size_t n = whole / 300 * part;
    void* const p = malloc(n);
    if (p == nullptr) return wrong("no memory");
    memset(p, 1, n);
    free(p);
  }
  const size_t count = whole / 10 * 7 / arguments[1];
  void** const table = make_table(count);
  for (size_t i = 0; i < count; i++) {
    if ((table[i] = malloc(arguments[1])) == nullptr) return wrong("no memory");
    memset(table[i], 1, arguments[1]);
  }
  say("rss_kib", static_cast<uint64_t>(resident_kib()));
  for (size_t i = 0; i < count; i++) free(table[i]);
  munmap(table, count * sizeof(void*));
  return 0;
}

// ---- a burst ------------------------------------------------------------------------------------------------------

struct Burst {
  uint64_t seed;
  size_t bytes;     // asked for in a round
  size_t live = 0;  // of these, those of the blocks that stayed
};

// Blocks of 16 bytes to 3 MiB, as many of each doubling, a byte of each page written. One in 100 stays until the next.
void* burst_and_sleep(void* argument) {
  constexpr size_t kMost = 3 * kMiB;
  Burst& burst = *static_cast<Burst*>(argument);
  Random random(burst.seed);
  const size_t most = burst.bytes / 32'768;  // the mean is 260 KiB
  void** const table = make_table(most);
  for (int round = 0; round < 3; round++) {
    size_t count = 0;
    for (size_t sum = 0; sum < burst.bytes && count < most; count++) {
      const size_t least = size_t{16} << random.below(18);
      const size_t n = random.between(least, least * 2 < kMost ? least * 2 : kMost);
      free(table[count]);
      auto* const block = static_cast<char*>(table[count] = malloc(n));
      if (block == nullptr) abort();
      for (size_t at = 0; at < n; at += 4096) block[at] = 1;
      sum += n;
    }
    burst.live = 0;
    for (size_t i = 0; i < most; i++) {
      if (random.one_in(100)) burst.live += malloc_usable_size(table[i]);
      else free(std::exchange(table[i], nullptr));
    }
  }
  g_ready++;
  while (!g_end) usleep(10'000);
  return nullptr;
}

// A burst of MIB in 8 threads; then they sleep, and end.
int burst(const uint64_t* arguments) {
  Burst bursts[8];
  pthread_t threads[8];
  for (uint64_t i = 0; i < 8; i++) {
    bursts[i] = {.seed = i, .bytes = arguments[0] * kMiB / 8};
    threads[i] = start_thread(burst_and_sleep, &bursts[i]);
  }
  while (g_ready < 8) usleep(1000);
  uint64_t live = 0;
  for (const Burst& one : bursts) live += one.live;
  say("live_kib", live / kKiB);
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
  usleep(2'000'000);
  say("asleep_kib", static_cast<uint64_t>(resident_kib()));
  g_end = true;
  for (pthread_t one : threads) pthread_join(one, nullptr);
  usleep(2'000'000);
  say("ended_kib", static_cast<uint64_t>(resident_kib()));
  return 0;
}

// MIB in blocks of 16 bytes to 56 KiB, as many of each doubling, of which one in 500 stays; then small requests, a
// thousand a second, and nothing else.
int busy_after_a_peak(const uint64_t* arguments) {
  Random random(7);
  const size_t most = arguments[0] * kMiB / 2048;  // the mean is 7 KiB
  void** const table = make_table(most);
  size_t count = 0;
  for (uint64_t sum = 0; sum < arguments[0] * kMiB && count < most; count++) {
    const size_t least = size_t{16} << random.below(12);
    const size_t n = random.between(least, least * 7 / 4);
    if ((table[count] = malloc(n)) == nullptr) return wrong("no memory");
    memset(table[count], 1, n);
    sum += n;
  }
  uint64_t live = 0;
  for (size_t i = 0; i < count; i++) {
    if (random.one_in(500)) live += malloc_usable_size(table[i]);
    else free(table[i]);
  }
  say("live_kib", live / kKiB);
  say("peak_kib", static_cast<uint64_t>(peak_resident_kib()));
  for (int request = 0; request < 5000; request++) {
    void* objects[200];
    for (void*& object : objects) object = malloc(64);
    for (void* object : objects) free(object);
    usleep(1000);
  }
  say("left_kib", static_cast<uint64_t>(resident_kib()));
  return 0;
}

}  // namespace

const Load kMemoryLoads[] = {
    {"blocks", "COUNT SIZE TOUCHED", blocks},
    {"live-threads", "COUNT BYTES-TOGETHER", live_threads},
    {"threads-come-and-go", "COUNT AT-ONCE", threads_come_and_go},
    {"freed-elsewhere", "COUNT", freed_elsewhere},
    {"owners-sleep", "MIB BYTES-EACH SETTLE-MS", owners_sleep},
    {"small-heap", "BYTES", small_heap},
    {"after-a-peak", "MIB", after_a_peak},
    {"early-peak", "MIB THREADS BLOCK-BYTES", early_peak},
    {"freed-of-a-sleeper", "MIB BYTES ONE-IN", freed_of_a_sleeper},
    {"big-then-sleep", "MIB TIMES PAUSE-MS", big_then_sleep},
    {"growth-within", "MIB", growth_within},
    {"growth-moved", "MIB", growth_moved},
    {"growth-again", "ROUNDS BUFFERS MIB", growth_again},
    {"kept-then-others", "MIB BYTES", kept_then_others},
    {"burst", "MIB", burst},
    {"busy-after-a-peak", "MIB", busy_after_a_peak},
    {nullptr, nullptr, nullptr},
};

}  // namespace hak::test
