// A burst and what stays of it: 8 threads allocate 1 GiB of all sizes and free it but for 11 MiB here and there. Then
// they sleep, later they end; how much memory is resident in the end is what a user of a long-lived process pays.
// Source: our own, after the complaint that resident memory stays at its peak (mimalloc, jemalloc and glibc trackers).
#include "support/load.h"

int main(int argc, char** argv) {
  using namespace hak::bench;
  Sizes sizes = {16, 3 << 20, Spread::log};
  uint64_t threads = 8, bytes = 1 << 30, keep = 11 << 20, rounds = 6, seed = 1;
  double settle = 2, seconds_wanted = 1;
  Load load("burst", "threads allocate much and free most of it; then resident memory is looked at");
  load.add("threads", threads, "that allocate");
  load.add("bytes", bytes, "asked for by all of them together in a round");
  load.add("sizes", sizes, "sizes of the blocks, from 16");
  load.add("keep", keep, "bytes that survive, blocks chosen at random");
  load.add("seconds", seconds_wanted, "how long, when no rounds are given");
  load.add("rounds", rounds,
           "bursts of each thread; the survivors of one are freed by the next; 0: until the time is up", 0);
  load.add("settle", settle, "seconds that pass before resident memory is looked at");
  load.add("seed", seed, "of the random sizes and survivors");
  load.seconds_replace("rounds");
  load.begin(argc, argv);
  if (sizes.least < 16) load.fail("--sizes begin at 16");

  const uint64_t rss_before = resident_bytes();
  const double share = static_cast<double>(keep) / static_cast<double>(bytes);
  std::atomic<uint64_t> survivors = 0, blocks = 0;
  std::latch bursts_done(static_cast<std::ptrdiff_t>(threads)), looked_at(1);
  std::vector<Chain> chains(threads);
  std::vector<std::thread> crew;
  const uint64_t begin = now_ns();
  for (uint64_t thread = 0; thread < threads; thread++)
    crew.emplace_back([&, thread] {
      Random random(seed + thread);
      Chain& chain = chains[thread];
      uint64_t own = 0, kept = 0;
      Repeats repeats(rounds, seconds_wanted);
      while (repeats.next()) {
        chain.clear();
        for (uint64_t live = 0; live < bytes / threads; own++) live += chain.grow(sizes.pick(random));
        kept = chain.shrink([&] { return random.fraction() >= share; });
      }
      blocks += own;
      survivors += kept;
      bursts_done.count_down();
      looked_at.wait();
    });
  bursts_done.wait();
  const double seconds = seconds_since(begin);
  sleep_for(settle);
  const uint64_t asleep = resident_beyond(rss_before);
  looked_at.count_down();
  for (std::thread& one : crew) one.join();
  sleep_for(settle);
  const uint64_t ended = resident_beyond(rss_before);
  for (Chain& chain : chains) chain.clear();
  return load.end(
      {.operation = "block",
       .operations = blocks,
       .seconds = seconds,
       .live_bytes = survivors,
       .rss_over_live = static_cast<double>(asleep) / static_cast<double>(survivors),
       .values = {{"asleep_rss_bytes", static_cast<double>(asleep)}, {"ended_rss_bytes", static_cast<double>(ended)}}});
}
