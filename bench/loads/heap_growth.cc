// A heap that only grows: small blocks until they hold 1 GiB, then all are freed. Shows what a first touch costs and
// what the allocator keeps beside the blocks.
// Source: our own, after the start of databases and compilers that load their data and keep it.
#include "support/crew.h"

namespace {

using namespace hak::bench;

// A thread's share of the heap.
struct Share {
  Random random;
  Chain chain = {};
  uint64_t live = 0, blocks = 0;
};

// Works on a copy: the shares of several threads lie side by side, on the same cache lines.
void grow(Share& share, const Sizes& sizes, uint64_t bytes) {
  Share own = share;
  for (; own.live < bytes; own.blocks++) own.live += own.chain.grow(sizes.pick(own.random));
  share = own;
}

void clear(Share& share) {
  share.chain.clear();
  share.live = 0;
}

struct Total {
  uint64_t live = 0, blocks = 0;

  explicit Total(const std::vector<Share>& shares) {
    for (const Share& share : shares) {
      live += share.live;
      blocks += share.blocks;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes = {16, 256};
  uint64_t threads = 1, bytes = 1 << 30, rounds = 1, seed = 1;
  double seconds_wanted = 1;
  Load load("heap_growth", "allocates small blocks until they hold so many bytes, then frees all");
  load.add("threads", threads, "threads that each do their share of it side by side");
  load.add("bytes", bytes, "asked for in all");
  load.add("sizes", sizes, "sizes of the blocks, from 16");
  load.add("seconds", seconds_wanted, "how long, when no rounds are given");
  load.add("rounds", rounds, "how often the heap grows and is freed; 0: until the time is up", 0);
  load.add("seed", seed, "of the random sizes");
  load.seconds_replace("rounds");
  load.begin(argc, argv);
  if (sizes.least < 16) load.fail("--sizes begin at 16");

  std::vector<Share> shares;
  for (uint64_t i = 0; i < threads; i++) shares.push_back({.random = Random(seed + i)});
  const uint64_t share_bytes = std::max<uint64_t>(1, bytes / threads);
  Crew crew(threads);
  const uint64_t rss_before = resident_bytes();
  uint64_t live = 0;
  double growing = 0, freeing = 0, over = 0;
  Repeats repeats(rounds, seconds_wanted);
  while (repeats.next()) {
    growing += crew.run([&](uint64_t thread) { grow(shares[thread], sizes, share_bytes); });
    live = Total(shares).live;
    over = static_cast<double>(resident_beyond(rss_before)) / static_cast<double>(live);
    freeing += crew.run([&](uint64_t thread) { clear(shares[thread]); });
  }
  const uint64_t blocks = Total(shares).blocks;
  return load.end({.operation = "block",
                   .operations = blocks,
                   .seconds = growing,
                   .live_bytes = live,
                   .rss_over_live = over,
                   .values = {{"free_ns", freeing * 1e9 / static_cast<double>(blocks)}}});
}
