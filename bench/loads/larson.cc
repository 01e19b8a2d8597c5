// A server's threads: each replaces random blocks of its set, and after a while hands the set on to a new thread and
// ends, so that most blocks are freed by another thread than the one that allocated them.
// Source: Larson, Krishnan, "Memory allocation for long-running server applications", ISMM 1998.
#include <algorithm>
#include <semaphore>

#include "support/load.h"

namespace {

using namespace hak::bench;

struct Work {
  Sizes sizes = {8, 1000};
  uint64_t threads = 2, blocks = 1000, handover = 500'000, rounds = 0, seed = 1;
  double seconds = 1, watch = 0;
};

// One lane of work; at each moment one thread works on it.
struct Lane {
  const Work& work;
  Random random;
  Table<void*> blocks;
  Rounds rounds;
  std::binary_semaphore done{0};
  std::atomic<bool> filled{false};  // each block was made once; said by the lane, asked by main: a hint, so relaxed

  Lane(const Work& w, uint64_t index)
      : work(w), random(w.seed + index), blocks(w.blocks), rounds(w.rounds, w.seconds) {}
};

void replace(const Work& work, Lane& lane, void*& block) {
  free(block);
  const size_t bytes = work.sizes.pick(lane.random);
  block = allocate(bytes);
  touch_pages(block, bytes);
}

// Works until it is time to hand over, then starts the successor and ends.
void work_on(Lane& lane) {
  const Work& work = lane.work;
  if (!lane.filled.load(std::memory_order_relaxed)) {
    for (void*& block : lane.blocks) replace(work, lane, block);
    lane.filled.store(true, std::memory_order_relaxed);
  }
  for (uint64_t done = 0; work.handover == 0 || done < work.handover;) {
    const uint64_t n = lane.rounds.next();
    if (n == 0) {
      lane.done.release();
      return;
    }
    for (uint64_t i = 0; i < n; i++) replace(work, lane, lane.blocks[lane.random.below(work.blocks)]);
    done += n;
  }
  std::thread(work_on, std::ref(lane)).detach();
}

// Resident bytes, looked at from time to time while the lanes work.
struct Watch {
  uint64_t looks = 0, first = 0, last = 0, most = 0;

  void look() {
    last = resident_bytes();
    if (looks++ == 0) first = last;
    most = std::max(most, last);
  }
};

using Lanes = std::vector<std::unique_ptr<Lane>>;

// Waits until the lane is done, and looks meanwhile when that is wanted and all lanes are filled.
void wait(Lane& lane, const Lanes& lanes, Watch& watch) {
  if (lane.work.watch == 0) return lane.done.acquire();
  while (!lane.done.try_acquire_for(std::chrono::duration<double>(lane.work.watch))) {
    const auto is_filled = [](const auto& each) { return each->filled.load(std::memory_order_relaxed); };
    if (std::all_of(lanes.begin(), lanes.end(), is_filled)) watch.look();
  }
}

}  // namespace

int main(int argc, char** argv) {
  Work work;
  Load load("larson", "server threads that replace random blocks and hand them on to the threads that follow");
  load.add("threads", work.threads, "threads at any time");
  load.add("sizes", work.sizes, "sizes of the blocks");
  load.add("blocks", work.blocks, "live blocks of each thread");
  load.add("handover", work.handover, "replacements after which a thread hands its blocks on; 0: never", 0);
  load.add("seconds", work.seconds, "how long, when no rounds are given");
  load.add("rounds", work.rounds, "rounds of 1000 replacements in each lane; 0: until the time is up", 0);
  load.add("watch", work.watch, "look at the resident memory every so many seconds; 0: don't");
  load.add("seed", work.seed, "of the random sizes and places");
  load.begin(argc, argv);

  const uint64_t begin = now_ns();
  Lanes lanes;
  for (uint64_t i = 0; i < work.threads; i++) lanes.push_back(std::make_unique<Lane>(work, i));
  for (auto& lane : lanes) std::thread(work_on, std::ref(*lane)).detach();
  Watch watch;
  for (auto& lane : lanes) wait(*lane, lanes, watch);
  const double seconds = seconds_since(begin);
  Result result = {.operation = "replacement", .operations = 0, .seconds = seconds};
  if (watch.looks != 0)
    result.values = {{"first_rss_bytes", static_cast<double>(watch.first)},
                     {"last_rss_bytes", static_cast<double>(watch.last)},
                     {"growth_ratio", static_cast<double>(watch.most) / static_cast<double>(watch.first)}};
  uint64_t operations = 0;
  for (auto& lane : lanes) {
    operations += lane->rounds.operations();
    for (void* block : lane->blocks) free(block);
  }
  result.operations = operations;
  return load.end(result);
}
