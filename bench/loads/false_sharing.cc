// Whether threads get blocks on the same cache line. Active: the allocator itself hands neighbours to several threads.
// Passive: one thread allocates neighbours, the program hands them to several threads, which free them and get them
// again. Each thread then writes its block many times: with a shared line that is slow.
// Source: Berger, McKinley, Blumofe, Wilson, "Hoard", ASPLOS 2000: cache-thrash (active) and cache-scratch (passive).
#include "support/load.h"

namespace {

using namespace hak::bench;

constexpr size_t kLine = 64;

// The first and the last line of the block that a thread writes to at this moment: those between are its alone. The
// thread writes them, the others read: a count of what is seen, no synchronisation, so relaxed. The size is the
// thread's own business. It stands here because the loop then reads it for each byte that it writes, as it did when
// figures were first published; from a register a write would be cheaper, whatever the allocator.
struct alignas(kLine) Place {
  std::atomic<uintptr_t> first{0}, last{0};
  size_t bytes = 0;

  bool has(uintptr_t line) const {
    return first.load(std::memory_order_relaxed) == line || last.load(std::memory_order_relaxed) == line;
  }
};

bool is_shared(std::vector<Place>& places, uint64_t self, void* block, size_t bytes) {
  const auto start = reinterpret_cast<uintptr_t>(block);
  const uintptr_t first = start / kLine, last = (start + bytes - 1) / kLine;
  places[self].first.store(first, std::memory_order_relaxed);
  places[self].last.store(last, std::memory_order_relaxed);
  for (uint64_t i = 0; i < places.size(); i++)
    if (i != self && (places[i].has(first) || places[i].has(last))) return true;
  return false;
}

struct Work {
  Sizes sizes = {8, 8};
  uint64_t writes = 1000, objects = 20'000, seed = 1;
  double seconds = 1;
};

struct Done {
  uint64_t blocks = 0, bytes = 0, shared = 0;
};

// What one of the threads does. Returns its blocks, their bytes, and how many of them shared a line.
Done perform(const Work& work, std::vector<Place>& places, uint64_t self) {
  Done done;
  Random random(work.seed + self);
  Rounds rounds(work.objects, work.seconds, 1);
  while (uint64_t n = rounds.next()) {
    for (; n > 0; n--) {
      const size_t bytes = places[self].bytes = work.sizes.pick(random);
      auto* const block = static_cast<volatile char*>(allocate(bytes));
      done.shared += is_shared(places, self, const_cast<char*>(block), bytes);
      for (uint64_t k = 0; k < work.writes; k++)
        for (size_t b = 0; b < places[self].bytes; b++) block[b] = static_cast<char>(block[b] + 1);
      free(const_cast<char*>(block));
      done.bytes += bytes;
    }
  }
  done.blocks = rounds.operations();
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  Choice mode = {.words = {"active", "passive"}};
  Work work;
  uint64_t threads = 2;
  Load load("false_sharing", "threads that write to small blocks which may share a cache line");
  load.add("mode", mode, "who makes the neighbours: the allocator, or the program");
  load.add("threads", threads, "threads that write");
  load.add("sizes", work.sizes, "sizes of the blocks");
  load.add("writes", work.writes, "to each byte of a block before it is freed");
  load.add("seconds", work.seconds, "how long, when no objects are given");
  load.add("objects", work.objects, "blocks that each thread gets one after another; 0: until the time is up", 0);
  load.add("seed", work.seed, "of the random sizes");
  load.seconds_replace("objects");
  load.begin(argc, argv);

  const bool passive = mode.index == 1;
  Random random(work.seed);
  std::vector<void*> handed(threads, nullptr);
  if (passive)
    for (void*& block : handed) block = allocate(work.sizes.pick(random));
  std::vector<Place> places(threads);
  std::atomic<uint64_t> blocks = 0, bytes = 0, shared = 0;
  const double seconds = run_together(threads, [&](uint64_t self) {
    free(handed[self]);
    const Done done = perform(work, places, self);
    blocks += done.blocks;
    bytes += done.bytes;
    shared += done.shared;
  });
  return load.end({.operation = "write",
                   .operations = bytes * work.writes,
                   .seconds = seconds,
                   .values = {{"shared_line_ratio", static_cast<double>(shared) / static_cast<double>(blocks)}}});
}
