// How long single calls take: percentiles of malloc and of free, from the common call to one in ten thousand.
// Source: Tene, "How not to measure latency" (2013), and his HdrHistogram, of which the idea of the buckets is taken:
// each power of two is cut into equal parts, so that every value is kept to 3 %.
#include <array>

#include "support/load.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

using namespace hak::bench;

// A clock that costs little itself: the processor's cycle counter where there is one. Its cost, some 10 to 25 ns, is in
// each of the figures: none can be less.
inline uint64_t ticks() {
#if defined(__x86_64__)
  unsigned processor;
  return __rdtscp(&processor);  // waits until what comes before it is done
#else
  return now_ns();
#endif
}

double ticks_per_ns() {
  const uint64_t begin_ns = now_ns(), begin = ticks();
  sleep_for(0.02);
  return static_cast<double>(ticks() - begin) / static_cast<double>(now_ns() - begin_ns);
}

class Counts {
 public:
  void count(uint64_t value) {
    buckets_[index_of(value)]++;
    total_++;
    most_ = std::max(most_, value);
  }

  void add(const Counts& other) {
    for (size_t i = 0; i < buckets_.size(); i++) buckets_[i] += other.buckets_[i];
    total_ += other.total_;
    most_ = std::max(most_, other.most_);
  }

  /// The value that `share` of all values don't exceed, to 3 %.
  uint64_t percentile(double share) const {
    const double wanted = share * static_cast<double>(total_);
    double seen = 0;
    for (size_t i = 0; i < buckets_.size(); i++) {
      seen += static_cast<double>(buckets_[i]);
      if (seen >= wanted) return std::min(most_, upper_bound_of(i));
    }
    return most_;
  }

  /// Calls visit(upper bound, how often) for each bucket that has any.
  template <class Visit>
  void for_each(Visit visit) const {
    for (size_t i = 0; i < buckets_.size(); i++)
      if (buckets_[i] != 0) visit(std::min(most_, upper_bound_of(i)), buckets_[i]);
  }

 private:
  static constexpr int kPartBits = 5;  // 32 parts of each power of two
  static constexpr uint64_t kParts = 1 << kPartBits;

  // Values below kParts have their own bucket; the others are told by their highest bits.
  static size_t index_of(uint64_t value) {
    if (value < kParts) return value;
    const int shift = static_cast<int>(std::bit_width(value)) - 1 - kPartBits;
    return static_cast<size_t>(shift + 1) * kParts + ((value >> shift) - kParts);
  }
  static uint64_t upper_bound_of(size_t index) {
    if (index < kParts) return index;
    const uint64_t shift = index / kParts - 1, part = index % kParts + kParts;
    return ((part + 1) << shift) - 1;
  }

  std::array<uint64_t, (64 - kPartBits + 1) * kParts> buckets_{};
  uint64_t total_ = 0, most_ = 0;
};

struct Found {
  Counts malloc, free;
};

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes = {16, 64 << 10, Spread::log};
  uint64_t threads = 1, blocks = 2000, rounds_wanted = 0, seed = 1;
  double seconds_wanted = 1;
  Load load("latency", "replaces random blocks and keeps how long each malloc and each free took");
  load.add("threads", threads, "threads that do the same side by side");
  load.add("sizes", sizes, "sizes of the blocks");
  load.add("blocks", blocks, "live blocks of each thread");
  load.add("seconds", seconds_wanted, "how long, when no rounds are given");
  load.add("rounds", rounds_wanted, "rounds of 1000 pairs in each thread; 0: until the time is up", 0);
  load.add("seed", seed, "of the random sizes and places");
  load.begin(argc, argv);

  const double per_ns = ticks_per_ns();
  Table<Found> found(threads);
  std::atomic<uint64_t> operations = 0;
  const double seconds = run_together(threads, [&](uint64_t thread) {
    Random random(seed + thread);
    Table<void*> block(blocks);
    Rounds rounds(rounds_wanted, seconds_wanted);
    while (uint64_t n = rounds.next()) {
      for (; n > 0; n--) {
        void*& place = block[random.below(blocks)];
        const size_t bytes = sizes.pick(random);
        const uint64_t begin = ticks();
        free(place);
        const uint64_t freed = ticks();
        place = allocate(bytes);
        const uint64_t allocated = ticks();
        found[thread].free.count(freed - begin);
        found[thread].malloc.count(allocated - freed);
        touch_pages(place, bytes);
      }
    }
    for (void* one : block) free(one);
    operations += rounds.operations();
  });
  for (uint64_t i = 1; i < threads; i++) {
    found[0].malloc.add(found[i].malloc);
    found[0].free.add(found[i].free);
  }
  const auto ns = [&](uint64_t value) { return static_cast<double>(value) / per_ns; };
  const Counts &m = found[0].malloc, &f = found[0].free;
  const auto histogram = [&](const char* name, const Counts& counts) {
    Histogram made{name, {}};
    counts.for_each([&](uint64_t most, uint64_t count) { made.buckets.emplace_back(ns(most), count); });
    return made;
  };
  return load.end({.operation = "pair",
                   .operations = operations,
                   .seconds = seconds,
                   .values = {{"malloc_p50_ns", ns(m.percentile(.5))},
                              {"malloc_p90_ns", ns(m.percentile(.9))},
                              {"malloc_p99_ns", ns(m.percentile(.99))},
                              {"malloc_p99.9_ns", ns(m.percentile(.999))},
                              {"malloc_p99.99_ns", ns(m.percentile(.9999))},
                              {"free_p50_ns", ns(f.percentile(.5))},
                              {"free_p90_ns", ns(f.percentile(.9))},
                              {"free_p99_ns", ns(f.percentile(.99))},
                              {"free_p99.9_ns", ns(f.percentile(.999))},
                              {"free_p99.99_ns", ns(f.percentile(.9999))}},
                   .histograms = {histogram("malloc_ns", m), histogram("free_ns", f)}});
}
