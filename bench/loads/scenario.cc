// Allocate, touch, free: blocks of one scenario, freed at once or when a window of live blocks has moved on.
// Source: the scenarios json (64 KiB), mir (256 KiB), vm (2 MiB) and mixed by which hakmem has been judged from its
// first description on; tiny, mid and big are our own, so that each tier has one. Several threads each do the same.
#include <new>

#include "support/load.h"

namespace {

using namespace hak::bench;

constexpr const char* kTouches[] = {"pages", "first", "no"};
enum Touch { kPages, kFirst, kNo };

struct Scenario {
  const char* name;
  Sizes sizes;
};

constexpr Scenario kScenarios[] = {
    {"tiny", {16, 512}},
    {"mid", {2048, 18432}},
    {"json", {64 << 10, 64 << 10}},
    {"mir", {256 << 10, 256 << 10}},
    {"vm", {2 << 20, 2 << 20}},
    {"big", {3'000'000, 3'000'000}},
    {"mixed", {16, 2 << 20, Spread::log}},
};

struct Slot {
  void* block;
  size_t bytes;
};

struct Work {
  Sizes sizes;
  uint64_t window, rounds, seed;
  double seconds;
  Touch touch;
};

template <bool kNew>
void release(const Slot& slot) {
  if constexpr (kNew) {
    if (slot.block != nullptr) ::operator delete(slot.block, slot.bytes);
  } else {
    free(slot.block);
  }
}

template <bool kNew>
uint64_t perform(const Work& work, uint64_t thread) {
  Random random(work.seed + thread);
  Table<Slot> slots(work.window);
  Rounds rounds(work.rounds, work.seconds);
  size_t at = 0;
  while (uint64_t n = rounds.next()) {
    for (; n > 0; n--) {
      Slot& slot = slots[at];
      at = at + 1 == work.window ? 0 : at + 1;
      release<kNew>(slot);
      slot.bytes = work.sizes.pick(random);
      slot.block = kNew ? ::operator new(slot.bytes) : allocate(slot.bytes);
      look_at(slot.block);
      if (work.touch == kPages) touch_pages(slot.block, slot.bytes);
      else if (work.touch == kFirst) *static_cast<volatile char*>(slot.block) = 1;
    }
  }
  for (const Slot& slot : slots) release<kNew>(slot);
  return rounds.operations();
}

}  // namespace

int main(int argc, char** argv) {
  Choice scenario, touch;
  for (const Scenario& s : kScenarios) scenario.words.push_back(s.name);
  for (const char* word : kTouches) touch.words.push_back(word);
  Work work = {.sizes = {}, .window = 1, .rounds = 0, .seed = 1, .seconds = 1, .touch = kPages};
  uint64_t threads = 1;
  bool by_new = false;

  Load load("scenario", "allocates blocks, touches them, and frees them at once or through a window of live blocks");
  load.add("scenario", scenario, "the sizes of the blocks");
  load.add("sizes", work.sizes, "sizes instead of the scenario's");
  load.add("touch", touch, "which bytes are written: one in each page, the first, none");
  load.add("window", work.window, "live blocks of a thread; 1: freed at once");
  load.add("new", by_new, "by operator new and sized operator delete");
  load.add("threads", threads, "threads that do the same side by side");
  load.add("seconds", work.seconds, "how long, when no rounds are given");
  load.add("rounds", work.rounds, "rounds of 1000 pairs in each thread; 0: until the time is up", 0);
  load.add("seed", work.seed, "of the random sizes");
  load.begin(argc, argv);
  if (work.sizes.least == 0) work.sizes = kScenarios[scenario.index].sizes;
  work.touch = static_cast<Touch>(touch.index);

  std::atomic<uint64_t> operations = 0;
  const double seconds = run_together(threads, [&](uint64_t thread) {
    operations += by_new ? perform<true>(work, thread) : perform<false>(work, thread);
  });
  return load.end({.operation = "pair", .operations = operations, .seconds = seconds});
}
