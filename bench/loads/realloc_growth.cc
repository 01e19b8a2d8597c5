// Buffers that grow by half again and again, as vectors, strings and logs do: one to 1 GiB, or many side by side.
// Source: our own, after Koenig, "Rapid growth of vectors", Journal of Object-Oriented Programming 1998: growth by
// less than the golden ratio lets an allocator reuse what was freed.
#include <span>

#include "support/load.h"

namespace {

using namespace hak::bench;

enum Order { kTurns, kRandom };

struct Growth {
  uint64_t from = 64, to = 1 << 30, percent = 150;

  size_t next(size_t bytes) const {
    return bytes == 0 ? from : std::min(to, std::max(bytes + 1, bytes * percent / 100));
  }
};

struct Buffer {
  char* start;
  size_t bytes;
};

using Buffers = std::span<Buffer>;

void grow(Buffer& buffer, const Growth& growth) {
  const size_t grown = growth.next(buffer.bytes);
  buffer.start = static_cast<char*>(realloc(buffer.start, grown));
  if (buffer.start == nullptr) give_up("realloc");
  // only what is new is written: the rest was copied, or stayed where it was
  touch_pages(buffer.start + buffer.bytes, grown - buffer.bytes);
  buffer.bytes = grown;
}

// Both return how often a buffer grew.
uint64_t grow_in_turns(Buffers buffers, const Growth& growth) {
  uint64_t steps = 0;
  for (; buffers[0].bytes < growth.to; steps += buffers.size())
    for (Buffer& one : buffers) grow(one, growth);
  return steps;
}

uint64_t grow_at_random(Buffers buffers, const Growth& growth, Random& random) {
  uint64_t steps = 0;
  for (size_t growing = buffers.size(); growing > 0; steps++) {
    Buffer& one = buffers[random.below(growing)];
    grow(one, growth);
    if (one.bytes == growth.to) std::swap(one, buffers[--growing]);  // who has grown up goes behind those who grow
  }
  return steps;
}

void drop(Buffers buffers) {
  for (Buffer& one : buffers) free(std::exchange(one, {}).start);
}

}  // namespace

int main(int argc, char** argv) {
  Growth growth;
  Choice order = {.words = {"turns", "random"}};
  uint64_t threads = 1, buffers = 1, rounds = 1, seed = 1;
  double seconds_wanted = 1;
  Load load("realloc_growth", "grows buffers by realloc and fills what is new");
  load.add("threads", threads, "threads that do the same side by side");
  load.add("buffers", buffers, "buffers of each thread that grow side by side");
  load.add("order", order, "which of them grows next");
  load.add("from", growth.from, "bytes at the beginning");
  load.add("to", growth.to, "bytes at the end");
  load.add("percent", growth.percent, "of its size that a buffer grows to", 101);
  load.add("seconds", seconds_wanted, "how long, when no rounds are given");
  load.add("rounds", rounds, "how often all of it is done; 0: until the time is up", 0);
  load.add("seed", seed, "of the random order");
  load.seconds_replace("rounds");
  load.begin(argc, argv);
  if (growth.from > growth.to) load.fail("--from is more than --to");

  Table<Buffer> table(threads * buffers);
  const uint64_t rss_before = resident_bytes();
  std::atomic<uint64_t> operations = 0;
  const double seconds = run_together(threads, [&](uint64_t thread) {
    const Buffers own(table.begin() + thread * buffers, buffers);
    Random random(seed + thread);
    Repeats repeats(rounds, seconds_wanted);
    for (uint64_t steps = 0; repeats.next(); operations += steps) {
      if (repeats.done() > 1) drop(own);
      steps = order.index == kRandom ? grow_at_random(own, growth, random) : grow_in_turns(own, growth);
    }
  });
  const uint64_t live = threads * buffers * growth.to;
  const double over = static_cast<double>(peak_resident_bytes() - rss_before) / static_cast<double>(live);
  drop({table.begin(), table.end()});
  return load.end(
      {.operation = "growth", .operations = operations, .seconds = seconds, .live_bytes = live, .rss_over_live = over});
}
