// Threads that take turns: each allocates 256 MiB and goes to sleep, another thread frees it all, the next takes its
// turn. Memory that belongs to a sleeping thread has to serve the next one, or a pool of threads needs it as often as
// it has threads.
// Source: our own, after the blow-up that Berger and others describe in "Hoard", ASPLOS 2000, with owners that sleep.
#include <semaphore>

#include "support/load.h"

int main(int argc, char** argv) {
  using namespace hak::bench;
  Sizes sizes = {64, 1024};
  uint64_t threads = 4, bytes = 256 << 20, seed = 1;
  double settle = 2;
  Load load("sleeping_owners", "threads in turn allocate and fall asleep; another thread frees what they allocated");
  load.add("threads", threads, "that take turns");
  load.add("bytes", bytes, "asked for by each");
  load.add("sizes", sizes, "sizes of the blocks, from 16");
  load.add("settle", settle, "seconds that pass after the last free before resident memory is looked at");
  load.add("seed", seed, "of the random sizes");
  load.begin(argc, argv);
  if (sizes.least < 16) load.fail("--sizes begin at 16");

  const uint64_t rss_before = resident_bytes();
  uint64_t live = 0, blocks = 0;
  std::vector<double> full, freed;
  std::latch end(1);
  std::vector<std::thread> owners;
  const uint64_t begin = now_ns();
  for (uint64_t turn = 0; turn < threads; turn++) {
    Chain chain;
    std::binary_semaphore allocated{0};
    live = 0;
    owners.emplace_back([&, turn] {
      Random random(seed + turn);
      for (; live < bytes; blocks++) live += chain.grow(sizes.pick(random));
      allocated.release();
      end.wait();  // asleep, not ended: its heap is still its own
    });
    allocated.acquire();
    full.push_back(static_cast<double>(resident_beyond(rss_before)));
    std::thread([&chain] { chain.clear(); }).join();
    freed.push_back(static_cast<double>(resident_beyond(rss_before)));
  }
  const double seconds = seconds_since(begin);
  sleep_for(settle);
  const double settled = static_cast<double>(resident_beyond(rss_before));
  end.count_down();
  for (std::thread& owner : owners) owner.join();
  return load.end({.operation = "block",
                   .operations = blocks,
                   .seconds = seconds,
                   .live_bytes = live,
                   .rss_over_live = full.back() / static_cast<double>(live),
                   .values = {{"first_turn_rss_bytes", full.front()},
                              {"last_turn_rss_bytes", full.back()},
                              {"first_freed_rss_bytes", freed.front()},
                              {"last_freed_rss_bytes", freed.back()},
                              {"settled_rss_bytes", settled}}});
}
