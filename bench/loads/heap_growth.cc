// A heap that only grows: small blocks until they hold 1 GiB, then all are freed. Shows what a first touch costs and
// what the allocator keeps beside the blocks.
// Source: our own, after the start of databases and compilers that load their data and keep it.
#include "support/load.h"

int main(int argc, char** argv) {
  using namespace hak::bench;
  Sizes sizes = {16, 256};
  uint64_t bytes = 1 << 30, seed = 1;
  Load load("heap_growth", "allocates small blocks until they hold so many bytes, then frees all");
  load.add("bytes", bytes, "asked for in all");
  load.add("sizes", sizes, "sizes of the blocks, from 16");
  load.add("seed", seed, "of the random sizes");
  load.begin(argc, argv);
  if (sizes.least < 16) load.fail("--sizes begin at 16");

  const uint64_t rss_before = resident_bytes();
  Random random(seed);
  Chain chain;
  uint64_t live = 0, blocks = 0;
  const uint64_t begin = now_ns();
  for (; live < bytes; blocks++) live += chain.grow(sizes.pick(random));
  const double seconds = seconds_since(begin);
  const double over = static_cast<double>(resident_beyond(rss_before)) / static_cast<double>(live);
  const uint64_t freeing = now_ns();
  chain.clear();
  const double free_ns = seconds_since(freeing) * 1e9 / static_cast<double>(blocks);
  return load.end({.operation = "block",
                   .operations = blocks,
                   .seconds = seconds,
                   .live_bytes = live,
                   .rss_over_live = over,
                   .values = {{"free_ns", free_ns}}});
}
