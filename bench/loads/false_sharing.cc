// Whether threads get blocks on the same cache line. Active: the allocator itself hands neighbours to several threads.
// Passive: one thread allocates neighbours, the program hands them to several threads, which free them and get them
// again. Each thread then writes its block many times: with a shared line that is slow.
// Source: Berger, McKinley, Blumofe, Wilson, "Hoard", ASPLOS 2000: cache-thrash (active) and cache-scratch (passive).
#include "support/load.h"

namespace {

using namespace hak::bench;

constexpr size_t kLine = 64;

// What line a thread writes to at this moment. Its owner writes, the others read: a count of what is seen, no
// synchronisation, so relaxed.
struct alignas(kLine) Place {
  std::atomic<uintptr_t> line{0};
};

bool is_shared(std::vector<Place>& places, uint64_t self, void* block) {
  const uintptr_t line = reinterpret_cast<uintptr_t>(block) / kLine;
  places[self].line.store(line, std::memory_order_relaxed);
  for (uint64_t i = 0; i < places.size(); i++)
    if (i != self && places[i].line.load(std::memory_order_relaxed) == line) return true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Choice mode = {.words = {"active", "passive"}};
  uint64_t threads = 2, bytes = 8, writes = 1000, objects = 20'000;
  Load load("false_sharing", "threads that write to small blocks which may share a cache line");
  load.add("mode", mode, "who makes the neighbours: the allocator, or the program");
  load.add("threads", threads, "threads that write");
  load.add("bytes", bytes, "size of a block");
  load.add("writes", writes, "to each byte of a block before it is freed");
  load.add("objects", objects, "blocks that each thread gets one after another");
  load.begin(argc, argv);

  const bool passive = mode.index == 1;
  std::vector<void*> handed(threads, nullptr);
  if (passive)
    for (void*& block : handed) block = allocate(bytes);
  std::vector<Place> places(threads);
  std::atomic<uint64_t> shared = 0;
  const double seconds = run_together(threads, [&](uint64_t self) {
    free(handed[self]);
    uint64_t seen = 0;
    for (uint64_t i = 0; i < objects; i++) {
      auto* const block = static_cast<volatile char*>(allocate(bytes));
      seen += is_shared(places, self, const_cast<char*>(block));
      for (uint64_t k = 0; k < writes; k++)
        for (uint64_t b = 0; b < bytes; b++) block[b] = static_cast<char>(block[b] + 1);
      free(const_cast<char*>(block));
    }
    shared += seen;
  });
  const uint64_t blocks = threads * objects;
  return load.end({.operation = "write",
                   .operations = blocks * writes * bytes,
                   .seconds = seconds,
                   .values = {{"shared_line_ratio", static_cast<double>(shared) / static_cast<double>(blocks)}}});
}
