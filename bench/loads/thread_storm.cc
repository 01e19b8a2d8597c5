// A storm of short threads: each allocates a few blocks, frees half of them, leaves the others to whoever comes later,
// and ends. What grows is what threads leave behind in the allocator.
// Source: our own, after servers with a thread for each connection (the case that Larson and Krishnan, ISMM 1998,
// describe) and the storm of 100,000 threads in hakmem's tests.
#include "support/load.h"

namespace {

using namespace hak::bench;

// Blocks that are left to others; a thread exchanges its block for the one that lay there and frees that.
struct Exchange {
  Table<std::atomic<void*>> places;
  explicit Exchange(size_t count) : places(count) {}

  void leave(void* block, Random& random) {
    // acq_rel: the block's content goes with the pointer
    free(places[random.below(places.count())].exchange(block, std::memory_order_acq_rel));
  }
};

void short_life(const Sizes& sizes, uint64_t blocks, uint64_t seed, Exchange& exchange) {
  Random random(seed);
  Chain own;
  for (uint64_t i = 0; i < blocks; i++) {
    const size_t bytes = sizes.pick(random);
    if (i % 2 == 0) {
      own.grow(bytes);
    } else {
      void* const block = allocate(bytes);
      touch_pages(block, bytes);
      exchange.leave(block, random);
    }
  }
  own.clear();
}

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes = {16, 2000};
  uint64_t threads = 10'000, at_once = 64, blocks = 40, seed = 1;
  double seconds_wanted = 1;
  Load load("thread_storm", "short threads that allocate, free half, leave the rest to others, and end");
  load.add("threads", threads, "threads in all; 0: until the time is up", 0);
  load.add("at-once", at_once, "threads at a time");
  load.add("seconds", seconds_wanted, "how long, when no threads are given");
  load.add("blocks", blocks, "blocks that each allocates");
  load.add("sizes", sizes, "sizes of the blocks, from 16");
  load.add("seed", seed, "of the random sizes and places");
  load.seconds_replace("threads");
  load.begin(argc, argv);
  if (sizes.least < 16) load.fail("--sizes begin at 16");

  Exchange exchange(at_once * blocks);
  const uint64_t rss_before = resident_bytes();
  uint64_t rss_early = 0;
  const uint64_t begin = now_ns();
  // A tenth of the way: what is resident then shouldn't grow any more.
  const auto is_early = [&](uint64_t i) {
    return threads != 0 ? i == threads / 10 : rss_early == 0 && seconds_since(begin) >= seconds_wanted / 10;
  };
  std::vector<std::thread> alive(at_once);
  Repeats repeats(threads, seconds_wanted);
  while (repeats.next()) {
    const uint64_t i = repeats.done() - 1;
    std::thread& place = alive[i % at_once];
    if (place.joinable()) place.join();
    place = std::thread([&, i] { short_life(sizes, blocks, seed + i, exchange); });
    if (is_early(i)) rss_early = resident_bytes();
  }
  if (rss_early == 0) rss_early = resident_bytes();  // all the time there is may pass between two threads
  for (std::thread& thread : alive)
    if (thread.joinable()) thread.join();
  const double seconds = seconds_since(begin);
  const uint64_t left = resident_beyond(rss_before);
  const double growth = static_cast<double>(rss_before + left) / static_cast<double>(rss_early);
  for (auto& place : exchange.places) free(place.load(std::memory_order_acquire));
  return load.end({.operation = "thread",
                   .operations = repeats.done(),
                   .seconds = seconds,
                   .values = {{"left_rss_bytes", static_cast<double>(left)}, {"growth_ratio", growth}}});
}
