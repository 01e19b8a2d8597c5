// Buffers that grow by half again and again, as vectors, strings and logs do: one to 1 GiB, or many side by side.
// Source: our own, after Koenig, "Rapid growth of vectors", Journal of Object-Oriented Programming 1998: growth by
// less than the golden ratio lets an allocator reuse what was freed.
#include "support/load.h"

int main(int argc, char** argv) {
  using namespace hak::bench;
  uint64_t buffers = 1, from = 64, to = 1 << 30, percent = 150, rounds = 1;
  Load load("realloc_growth", "grows buffers by realloc and fills what is new");
  load.add("buffers", buffers, "buffers that grow side by side, in turns");
  load.add("from", from, "bytes at the beginning");
  load.add("to", to, "bytes at the end");
  load.add("percent", percent, "of its size that a buffer grows to", 101);
  load.add("rounds", rounds, "how often all of it is done");
  load.begin(argc, argv);
  if (from > to) load.fail("--from is more than --to");

  Table<char*> buffer(buffers);
  const uint64_t rss_before = resident_bytes();
  uint64_t operations = 0;
  const uint64_t begin = now_ns();
  for (uint64_t round = 0; round < rounds; round++) {
    for (size_t bytes = 0; bytes < to;) {
      const size_t grown = bytes == 0 ? from : std::min(to, std::max(bytes + 1, bytes * percent / 100));
      for (char*& one : buffer) {
        one = static_cast<char*>(realloc(one, grown));
        if (one == nullptr) give_up("realloc");
        // only what is new is written: the rest was copied, or stayed where it was
        touch_pages(one + bytes, grown - bytes);
        operations++;
      }
      bytes = grown;
    }
    if (round + 1 < rounds)
      for (char*& one : buffer) free(std::exchange(one, nullptr));
  }
  const double seconds = seconds_since(begin);
  const uint64_t live = buffers * to;
  const double over = static_cast<double>(peak_resident_bytes() - rss_before) / static_cast<double>(live);
  for (char* one : buffer) free(one);
  return load.end(
      {.operation = "growth", .operations = operations, .seconds = seconds, .live_bytes = live, .rss_over_live = over});
}
