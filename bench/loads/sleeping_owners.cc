// Threads that take turns: each allocates 256 MiB and goes to sleep, another thread frees it all, the next takes its
// turn. Memory that belongs to a sleeping thread has to serve the next one, or a pool of threads needs it as often as
// it has threads.
// Source: our own, after the blow-up that Berger and others describe in "Hoard", ASPLOS 2000, with owners that sleep.
#include "support/crew.h"

namespace {

using namespace hak::bench;

// A thread that allocates when it is its turn and sleeps otherwise: its heap stays its own.
struct Owner {
  Worker thread;
  Random random;

  Owner(uint64_t index, uint64_t seed) : thread(index), random(seed + index) {}
};

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes = {64, 1024};
  uint64_t threads = 4, bytes = 256 << 20, rounds = 1, seed = 1;
  double settle = 2, seconds_wanted = 1;
  Load load("sleeping_owners", "threads in turn allocate and fall asleep; another thread frees what they allocated");
  load.add("threads", threads, "that take turns");
  load.add("bytes", bytes, "asked for by each");
  load.add("sizes", sizes, "sizes of the blocks, from 16");
  load.add("settle", settle, "seconds that pass after the last free before resident memory is looked at");
  load.add("seconds", seconds_wanted, "how long, when no rounds are given");
  load.add("rounds", rounds, "how often all of them take their turn; 0: until the time is up", 0);
  load.add("seed", seed, "of the random sizes");
  load.seconds_replace("rounds");
  load.begin(argc, argv);
  if (sizes.least < 16) load.fail("--sizes begin at 16");

  const uint64_t rss_before = resident_bytes();
  uint64_t live = 0, blocks = 0;
  std::vector<double> full, freed;
  std::vector<std::unique_ptr<Owner>> owners;
  const auto take_turn = [&](uint64_t turn) {
    if (turn == owners.size()) owners.push_back(std::make_unique<Owner>(turn, seed));
    Owner& owner = *owners[turn];
    Chain chain;
    live = 0;
    auto fill = [&](uint64_t) {
      Random random = owner.random;
      for (; live < bytes; blocks++) live += chain.grow(sizes.pick(random));
      owner.random = random;
    };
    owner.thread.begin(fill);
    owner.thread.wait();
    full.push_back(static_cast<double>(resident_beyond(rss_before)));
    std::thread([&chain] { chain.clear(); }).join();
    freed.push_back(static_cast<double>(resident_beyond(rss_before)));
  };
  const uint64_t begin = now_ns();
  Repeats repeats(rounds, seconds_wanted);
  while (repeats.next())
    for (uint64_t turn = 0; turn < threads; turn++) take_turn(turn);
  const double seconds = seconds_since(begin);
  sleep_for(settle);
  const double settled = static_cast<double>(resident_beyond(rss_before));
  owners.clear();
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
