// What every load program is made of: options, proof of the allocator, threads that begin together, one result line.
//
//   Load load("larson", "what it does");
//   load.add("threads", threads, "...");  load.begin(argc, argv);
//   ... the load ...
//   return load.end({.operation = "pair", .operations = n, .seconds = s});
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/allocator.h"
#include "support/options.h"

namespace hak::bench {

/// What the blocks of one size cost.
struct SizeCost {
  uint64_t bytes;
  uint64_t operations;
  double seconds;

  double ns_per_operation() const { return operations != 0 ? seconds * 1e9 / static_cast<double>(operations) : 0; }
};

/// How often what was measured took how long: {ns at most, how often}, rising.
struct Histogram {
  const char* name;
  std::vector<std::pair<double, uint64_t>> buckets;
};

/// What a run found. Of all figures but operations and live bytes, less is better.
struct Result {
  const char* operation;  // what is counted: "pair", a malloc and its free
  uint64_t operations;
  double seconds;            // from the common start until the last thread was done
  uint64_t live_bytes = 0;   // asked for and not freed, at the moment that matters; 0: not known
  double rss_over_live = 0;  // resident bytes at that moment over live_bytes; 0: doesn't apply
  std::vector<std::pair<const char*, double>> values = {};  // more; names end in their unit: _ns _bytes _ratio
  std::vector<SizeCost> sizes = {};        // of a load that goes from size to size; empty: doesn't apply
  std::vector<Histogram> histograms = {};  // of a load that measures single calls
};

class Load : public Options {
 public:
  using Options::Options;

  /// Reads the arguments; ends the process with 3 when malloc isn't the library that --expect names.
  void begin(int argc, char** argv);

  /// Prints the result line. Returns the exit status for main.
  int end(const Result& result) const;

  const Allocator& allocator() const { return allocator_; }

 private:
  Allocator allocator_;
  bool json_ = false;
};

/// Nanoseconds on the clock that nobody sets.
uint64_t now_ns();
inline double seconds_since(uint64_t begin_ns) { return static_cast<double>(now_ns() - begin_ns) * 1e-9; }
void sleep_for(double seconds);

/// Resident bytes of this process now, and the most there have been. Neither call allocates. The peak is the address
/// space's own (VmHWM): getrusage's would begin with that of the process that started us.
uint64_t resident_bytes();
uint64_t peak_resident_bytes();

/// How much more is resident now than `before`; 0 when it is less.
inline uint64_t resident_beyond(uint64_t before) {
  const uint64_t now = resident_bytes();
  return now > before ? now - before : 0;
}

/// Ends the process with 1: there is no memory for a load, or no thread.
[[noreturn]] void give_up(const char* what);

/// Says to the compiler that the block is looked at, so that it can't leave the allocation out.
inline void look_at(void* block) { asm volatile("" : : "r"(block) : "memory"); }

inline void* allocate(size_t bytes) {
  void* const block = malloc(bytes);
  if (block == nullptr) give_up("malloc");
  look_at(block);
  return block;
}

constexpr size_t kPage = 4096;

/// Writes a byte to each page of the block, as a program that fills it would at least.
inline void touch_pages(void* block, size_t bytes) {
  auto* const p = static_cast<volatile char*>(block);
  for (size_t at = 0; at < bytes; at += kPage) p[at] = 1;
}

/// Hands out the operations of one thread of a load: so many rounds of 1000, or (0) until the time is up.
///   while (uint64_t n = rounds.next()) for (; n > 0; n--) operation();
class Rounds {
 public:
  static constexpr uint64_t kRound = 1000;

  /// round: operations of a round, for loads that count otherwise.
  Rounds(uint64_t rounds, double seconds, uint64_t round = kRound)
      : wanted_(rounds * round), end_ns_(wanted_ != 0 ? 0 : now_ns() + static_cast<uint64_t>(seconds * 1e9)) {}

  /// How many operations to do before the next call; 0: that was all.
  uint64_t next() {
    if (wanted_ == 0) choose_batch();
    else batch_ = std::min(kRound, wanted_ - done_);
    done_ += batch_;
    return batch_;
  }
  uint64_t operations() const { return done_; }

 private:
  static constexpr uint64_t kBatchNs = 20'000;

  // Cheap operations go by the thousand, so that the clock costs nothing; where one takes a millisecond, few at a time.
  void choose_batch() {
    const uint64_t now = now_ns();
    if (now >= end_ns_) batch_ = 0;
    else if (now - last_ns_ < kBatchNs) batch_ = batch_ < kRound / 2 ? batch_ * 2 : kRound;
    else if (batch_ > 1) batch_ /= 2;
    last_ns_ = now;
  }

  uint64_t wanted_, end_ns_, done_ = 0, last_ns_ = 0;
  uint64_t batch_ = 2;  // the first call halves it: a single operation may take as long as all the time there is
};

/// Counts what is done as a whole or not at all: so many times, or (0) until the time is up, and then once at least.
///   while (repeats.next()) all_of_it();
class Repeats {
 public:
  Repeats(uint64_t times, double seconds)
      : wanted_(times), end_ns_(wanted_ != 0 ? 0 : now_ns() + static_cast<uint64_t>(seconds * 1e9)) {}

  /// Whether to do it once more.
  bool next() {
    if (wanted_ != 0 ? done_ == wanted_ : done_ != 0 && now_ns() >= end_ns_) return false;
    done_++;
    return true;
  }
  uint64_t done() const { return done_; }

 private:
  uint64_t wanted_, end_ns_, done_ = 0;
};

/// Runs work(0) ... work(threads - 1) in threads that begin together, and returns the seconds until the last was done.
/// One thread is the calling one: a process without threads is served differently by some allocators.
template <class Work>
double run_together(uint64_t threads, Work work) {
  if (threads == 1) {
    const uint64_t begin = now_ns();
    work(uint64_t{0});
    return seconds_since(begin);
  }
  std::latch ready(static_cast<std::ptrdiff_t>(threads) + 1);
  std::vector<std::thread> crew;
  for (uint64_t i = 0; i < threads; i++)
    crew.emplace_back([&ready, &work, i] {
      ready.arrive_and_wait();
      work(i);
    });
  ready.arrive_and_wait();
  const uint64_t begin = now_ns();
  for (std::thread& one : crew) one.join();
  return seconds_since(begin);
}

/// An array in a mapping of its own, resident from the start: the load's books must not be the allocator's business,
/// nor be taken for its memory later.
template <class T>
class Table {
 public:
  explicit Table(size_t count) : count_(count) {
    void* const memory =
        mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) give_up("a table");
    items_ = static_cast<T*>(memory);
  }
  ~Table() { munmap(items_, bytes()); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  T& operator[](size_t i) { return items_[i]; }
  T* begin() { return items_; }
  T* end() { return items_ + count_; }
  size_t count() const { return count_; }

 private:
  size_t bytes() const { return count_ * sizeof(T); }
  size_t count_;
  T* items_;
};

/// Blocks linked through themselves: as many as are wanted, and no books beside them. A block has at least 16 bytes.
class Chain {
 public:
  /// Allocates a block, writes to each of its pages, and adds it. Returns the bytes asked for.
  size_t grow(size_t bytes) {
    auto* const link = static_cast<Link*>(allocate(bytes));
    touch_pages(link, bytes);
    link->next = first_;
    link->bytes = bytes;
    first_ = link;
    return bytes;
  }

  /// Frees the blocks for which drop() is true, the last allocated first; keeps the rest. Returns the bytes kept.
  template <class Drop>
  size_t shrink(Drop drop) {
    size_t kept = 0;
    for (Link** at = &first_; *at != nullptr;) {
      Link* const link = *at;
      if (drop()) {
        *at = link->next;
        free(link);
      } else {
        kept += link->bytes;
        at = &link->next;
      }
    }
    return kept;
  }

  void clear() {
    shrink([] { return true; });
  }

 private:
  struct Link {
    Link* next;
    size_t bytes;
  };
  Link* first_ = nullptr;
};

}  // namespace hak::bench
