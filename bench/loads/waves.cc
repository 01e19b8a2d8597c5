// Waves of traffic: request objects that live for one request, sessions that live until the wave ebbs, and a cache that
// lives long, all of the same sizes and allocated in turns. In the trough a few live blocks lie in every page; does
// resident memory follow the live bytes down?
// Source: our own, after the analysis of fragmentation by lifetime in Maas and others, "Learning-based memory
// allocation for C++ server workloads" (ASPLOS 2020), and Powers and others, "Mesh" (PLDI 2019).
#include <algorithm>

#include "support/load.h"

namespace {

using namespace hak::bench;

struct Work {
  Sizes sizes = {32, 1024};
  uint64_t waves = 2, peak = 256 << 20, cache = 12 << 20, objects = 20, seed = 1;
  uint64_t trough_percent = 14;
  double settle = 1.5;
};

class Server {
 public:
  explicit Server(const Work& work)
      : work_(work),
        random_(work.seed),
        sessions_(2 * work.peak / (kSessionBlocks * mean()) + 1000),
        cache_(work.cache / mean() + 1),
        request_(work.objects),
        pages_(3 * (trough_sessions() * kSessionBlocks + cache_.count()) + (trough_bytes() + work.cache) / kPage) {}

  // Traffic rises: each request leaves a session behind, some put something into the cache.
  void rise() {
    while (live_ < work_.peak && open_ < sessions_.count()) {
      request();
      open_session();
    }
  }

  // Sessions end, in no order; requests go on.
  void ebb() {
    const uint64_t left = live_ * work_.trough_percent / 100;
    while (live_ > left && open_ > 0) {
      close_session(random_.below(open_));
      if (random_.below(8) == 0) request();
    }
  }

  // Little traffic, a request each millisecond.
  void trough() {
    const uint64_t begin = now_ns();
    while (seconds_since(begin) < work_.settle) {
      request();
      sleep_for(0.001);
    }
  }

  void end() {
    while (open_ > 0) close_session(open_ - 1);
    for (Block& block : cache_) drop(block);
  }

  // Bytes of the pages in which a live block lies: with these places no return of single pages can leave less resident.
  uint64_t bytes_of_live_pages() {
    uint64_t* end = pages_.begin();
    const auto add = [&](const Block& block) {
      if (block.start == nullptr) return;
      const auto start = reinterpret_cast<uint64_t>(block.start);
      for (uint64_t page = start / kPage; page <= (start + block.bytes - 1) / kPage; page++) {
        if (end == pages_.end()) give_up("a longer table of pages");
        *end++ = page;
      }
    };
    for (size_t i = 0; i < open_; i++)
      for (const Block& block : sessions_[i].blocks) add(block);
    for (const Block& block : cache_) add(block);
    std::sort(pages_.begin(), end);
    return static_cast<uint64_t>(std::unique(pages_.begin(), end) - pages_.begin()) * kPage;
  }

  uint64_t live() const { return live_; }
  uint64_t requests() const { return requests_; }

 private:
  static constexpr uint64_t kSessionBlocks = 6;
  static constexpr uint64_t kPage = 4096;

  struct Block {
    void* start;
    uint64_t bytes;
  };
  struct Session {
    Block blocks[kSessionBlocks];
  };

  // Half as many again as the share, which ends by bytes.
  uint64_t trough_sessions() const { return sessions_.count() * work_.trough_percent * 3 / 200 + 1000; }
  uint64_t trough_bytes() const { return work_.peak * work_.trough_percent / 100; }
  uint64_t mean() const { return (work_.sizes.least + work_.sizes.most) / 2; }

  void make(Block& block) {
    block.bytes = work_.sizes.pick(random_);
    block.start = allocate(block.bytes);
    touch_pages(block.start, block.bytes);
    live_ += block.bytes;
  }

  void drop(Block& block) {
    free(block.start);
    live_ -= block.bytes;
    block = {};
  }

  // A cache entry is made in the middle of the request that misses it, a session at its end.
  void request() {
    requests_++;
    for (Block& block : request_) {
      make(block);
      if (random_.below(3 * work_.objects) == 0) {
        Block& entry = cache_[random_.below(cache_.count())];
        drop(entry);
        make(entry);
      }
    }
    for (Block& block : request_) drop(block);
  }

  void open_session() {
    for (Block& block : sessions_[open_].blocks) make(block);
    open_++;
  }

  void close_session(uint64_t which) {
    for (Block& block : sessions_[which].blocks) drop(block);
    sessions_[which] = sessions_[--open_];
  }

  const Work& work_;
  Random random_;
  Table<Session> sessions_;
  Table<Block> cache_, request_;
  Table<uint64_t> pages_;
  uint64_t open_ = 0, live_ = 0, requests_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Work work;
  Load load("waves", "traffic that rises and ebbs: resident memory over live bytes at the peak and in the trough");
  load.add("waves", work.waves, "how often traffic rises and ebbs");
  load.add("peak", work.peak, "live bytes at the peak");
  load.add("trough-percent", work.trough_percent, "of the peak that is live in the trough");
  load.add("cache", work.cache, "bytes of the cache when it is full");
  load.add("objects", work.objects, "blocks that a request allocates for itself");
  load.add("sizes", work.sizes, "sizes of all blocks");
  load.add("settle", work.settle, "seconds in the trough before resident memory is looked at");
  load.add("seed", work.seed, "of the random sizes, sessions and cache entries");
  load.begin(argc, argv);

  Server server(work);
  const uint64_t rss_before = resident_bytes();
  const auto rss_over_live = [&] {
    return static_cast<double>(resident_beyond(rss_before)) / static_cast<double>(server.live());
  };
  double seconds = 0, peak = 0, trough = 0;
  uint64_t live_at_peak = 0, requests = 0;
  for (uint64_t wave = 0; wave < work.waves; wave++) {
    const uint64_t requests_before = server.requests();
    const uint64_t rising = now_ns();
    server.rise();
    seconds += seconds_since(rising);
    live_at_peak = server.live();
    peak = rss_over_live();
    const uint64_t ebbing = now_ns();
    server.ebb();
    seconds += seconds_since(ebbing);
    requests += server.requests() - requests_before;  // those of the trough wait for the clock
    server.trough();
    trough = rss_over_live();
  }
  const auto live_pages = static_cast<double>(server.bytes_of_live_pages()) / static_cast<double>(server.live());
  server.end();
  return load.end({.operation = "request",
                   .operations = requests,
                   .seconds = seconds,
                   .live_bytes = live_at_peak,
                   .rss_over_live = peak,
                   .values = {{"trough_rss_over_live", trough}, {"trough_live_pages_over_live", live_pages}}});
}
