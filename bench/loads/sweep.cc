// What a pair of malloc and free costs, size by size: blocks of one size, a few at a time, then of the next size a few
// per cent up. Where the cost jumps from one size to the next is a cliff, on which a program falls that grows its
// buffer by a byte. bench/sweep plots it for all allocators; test/budget counts the instructions of each size. Source:
// a cost drawn over the size so that each level shows as a step is lmbench's (McVoy, Staelin 1996, lat_mem_rd).
#include <time.h>

#include <algorithm>
#include <cmath>

#include "support/load.h"

namespace {

using namespace hak::bench;

struct Sweep {
  uint64_t least = 16, most = 64 << 20;
  double step = 5;

  size_t next(size_t bytes) const {
    const auto more = static_cast<size_t>(std::lround(static_cast<double>(bytes) * (1 + step / 100)));
    return std::min<size_t>(std::max(more, bytes + 1), most);
  }
  size_t count() const {
    size_t n = 1;
    for (size_t bytes = least; bytes < most; bytes = next(bytes)) n++;
    return n;
  }
};

struct Work {
  uint64_t live = 8, rounds = 0;
  double seconds = 0.01;
  bool touch = false;
};

// A byte of each page, and another line of each: lines at one place in all pages share a set of the first cache, which
// shows as a cliff from eight pages on that is none of the allocator's.
void write_pages(void* block, size_t bytes) {
  constexpr size_t kLine = 64;
  auto* const p = static_cast<volatile char*>(block);
  for (size_t page = 0, line = 0; page < bytes; page += kPage, line = (line + kLine) % kPage)
    p[std::min(page + line, bytes - 1)] = 1;
}

template <bool kTouch>
void* take(size_t bytes) {
  void* const block = allocate(bytes);
  if constexpr (kTouch) write_pages(block, bytes);
  return block;
}

// A single block needs no table: its pair is malloc, free and the loop, as in test/budget's at_once.
template <bool kTouch>
void perform(Table<void*>& live, size_t bytes, uint64_t turns) {
  if (live.count() == 1) {
    for (; turns > 0; turns--) free(take<kTouch>(bytes));
    return;
  }
  for (; turns > 0; turns--) {
    for (void*& block : live) block = take<kTouch>(bytes);
    for (void* const block : live) free(block);
  }
}

// Returns the turns.
uint64_t perform_rounds(Table<void*>& live, size_t bytes, bool touch, Rounds rounds) {
  while (const uint64_t turns = rounds.next()) {
    if (touch) perform<true>(live, bytes, turns);
    else perform<false>(live, bytes, turns);
  }
  return rounds.operations();
}

// Of all threads of the process. By the clock whatever else runs on the machine would show as a cliff: a size has 10
// ms.
double processor_seconds() {
  timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

// Not inlined, these two: test/budget has callgrind count up to the end of the one, then up to the end of the other.
[[gnu::noinline]] void warm_up(Table<void*>& live, size_t bytes, const Work& work) {
  perform_rounds(live, bytes, work.touch, Rounds(work.rounds != 0 ? 1 : 0, work.seconds / 10));
}

[[gnu::noinline]] SizeCost measure_size(Table<void*>& live, size_t bytes, const Work& work) {
  const double begin = processor_seconds();
  const uint64_t turns = perform_rounds(live, bytes, work.touch, Rounds(work.rounds, work.seconds));
  return {.bytes = bytes, .operations = turns * live.count(), .seconds = processor_seconds() - begin};
}

}  // namespace

int main(int argc, char** argv) {
  Sweep sweep;
  Work work;
  Load load("sweep",
            "allocates and frees a few blocks of one size at a time, size by size, and says what a pair costs");
  load.add("least", sweep.least, "the first size");
  load.add("most", sweep.most, "the last size; as --least: only that one");
  load.add("step", sweep.step, "per cent from a size to the next, a byte at least");
  load.add("live", work.live, "blocks that are allocated before they are freed in the same order");
  load.add("touch", work.touch, "write a byte to each page of a block");
  load.add("seconds", work.seconds, "how long for each size, when no rounds are given");
  load.add("rounds", work.rounds, "rounds of 1000 times the live blocks for each size; 0: until the time is up", 0);
  load.begin(argc, argv);
  if (sweep.most < sweep.least) load.fail("--most is less than --least");

  Table<void*> live(work.live);
  Table<SizeCost> costs(sweep.count());  // the allocator's memory is not to hold them
  size_t bytes = sweep.least;
  for (SizeCost& cost : costs) {
    warm_up(live, bytes, work);
    cost = measure_size(live, bytes, work);
    bytes = sweep.next(bytes);
  }
  Result result = {.operation = "pair", .operations = 0, .seconds = 0, .sizes = {costs.begin(), costs.end()}};
  for (const SizeCost& cost : costs) {
    result.operations += cost.operations;
    result.seconds += cost.seconds;
  }
  return load.end(result);
}
