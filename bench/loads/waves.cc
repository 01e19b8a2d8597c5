// Waves of traffic: request objects that live for one request, sessions that live until the wave ebbs, and a cache that
// lives long, all of the same sizes and allocated in turns. In the trough a few live blocks lie in every page; does
// resident memory follow the live bytes down?
// Source: our own, after the analysis of fragmentation by lifetime in Maas and others, "Learning-based memory
// allocation for C++ server workloads" (ASPLOS 2020), and Powers and others, "Mesh" (PLDI 2019).
#include "support/crew.h"

namespace {

using namespace hak::bench;

struct Work {
  Sizes sizes = {32, 1024};
  uint64_t threads = 1, waves = 2, peak = 256 << 20, cache = 12 << 20, objects = 20, seed = 1;
  uint64_t trough_percent = 14;
  double settle = 1.5, seconds = 1;

  // What one of the servers does of it.
  Work share(uint64_t server) const {
    Work work = *this;
    work.peak = std::max<uint64_t>(1, peak / threads);
    work.cache = cache / threads;
    work.seed = seed + server;
    return work;
  }
};

struct Block {
  void* start;
  uint64_t bytes;
};

// The pages in which a live block lies: with these places no return of single pages can leave less resident.
class LivePages {
 public:
  explicit LivePages(size_t most) : pages_(most), end_(pages_.begin()) {}

  void add(const Block& block) {
    if (block.start == nullptr) return;
    const auto start = reinterpret_cast<uint64_t>(block.start);
    for (uint64_t page = start / kPage; page <= (start + block.bytes - 1) / kPage; page++) {
      if (end_ == pages_.end()) give_up("a longer table of pages");
      *end_++ = page;
    }
  }

  // Two servers may have blocks in the same page: it counts once.
  uint64_t bytes() {
    std::sort(pages_.begin(), end_);
    end_ = std::unique(pages_.begin(), end_);
    return static_cast<uint64_t>(end_ - pages_.begin()) * kPage;
  }

 private:
  Table<uint64_t> pages_;
  uint64_t* end_;
};

// On cache lines of its own, as its thread writes to it all the time.
class alignas(64) Server {
 public:
  explicit Server(const Work& work)
      : work_(work),
        random_(work.seed),
        sessions_(2 * work.peak / (kSessionBlocks * mean()) + 1000),
        cache_(work.cache / mean() + 1),
        request_(work.objects) {}

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

  void add_to(LivePages& pages) {
    for (size_t i = 0; i < open_; i++)
      for (const Block& block : sessions_[i].blocks) pages.add(block);
    for (const Block& block : cache_) pages.add(block);
  }

  // No more than these are added in the trough.
  size_t most_pages() const {
    return 3 * (trough_sessions() * kSessionBlocks + cache_.count()) + (trough_bytes() + work_.cache) / kPage;
  }

  uint64_t live() const { return live_; }
  uint64_t requests() const { return requests_; }

 private:
  static constexpr uint64_t kSessionBlocks = 6;

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

  const Work work_;
  Random random_;
  Table<Session> sessions_;
  Table<Block> cache_, request_;
  uint64_t open_ = 0, live_ = 0, requests_ = 0;
};

// All servers, each in its own thread; they go from phase to phase together.
class Servers {
 public:
  explicit Servers(const Work& work) : crew_(work.threads) {
    for (uint64_t i = 0; i < work.threads; i++) servers_.push_back(std::make_unique<Server>(work.share(i)));
  }

  // Returns the seconds until the last server was done.
  double all(void (Server::*phase)()) {
    return crew_.run([&](uint64_t thread) { (*servers_[thread].*phase)(); });
  }

  uint64_t live() const { return sum(&Server::live); }
  uint64_t requests() const { return sum(&Server::requests); }
  size_t most_pages() const { return sum(&Server::most_pages); }

  void add_to(LivePages& pages) {
    for (auto& server : servers_) server->add_to(pages);
  }

 private:
  uint64_t sum(uint64_t (Server::*figure)() const) const {
    uint64_t total = 0;
    for (const auto& server : servers_) total += (*server.*figure)();
    return total;
  }

  std::vector<std::unique_ptr<Server>> servers_;
  Crew crew_;
};

}  // namespace

int main(int argc, char** argv) {
  Work work;
  Load load("waves", "traffic that rises and ebbs: resident memory over live bytes at the peak and in the trough");
  load.add("threads", work.threads, "servers, a thread each, that share the traffic and the cache");
  load.add("seconds", work.seconds, "how long, when no waves are given");
  load.add("waves", work.waves, "how often traffic rises and ebbs; 0: until the time is up", 0);
  load.add("peak", work.peak, "live bytes at the peak");
  load.add("trough-percent", work.trough_percent, "of the peak that is live in the trough");
  load.add("cache", work.cache, "bytes of the cache when it is full");
  load.add("objects", work.objects, "blocks that a request allocates for itself");
  load.add("sizes", work.sizes, "sizes of all blocks");
  load.add("settle", work.settle, "seconds in the trough before resident memory is looked at");
  load.add("seed", work.seed, "of the random sizes, sessions and cache entries");
  load.seconds_replace("waves");
  load.begin(argc, argv);

  Servers servers(work);
  LivePages pages(servers.most_pages());
  const uint64_t rss_before = resident_bytes();
  const auto rss_over_live = [&] {
    return static_cast<double>(resident_beyond(rss_before)) / static_cast<double>(servers.live());
  };
  double seconds = 0, peak = 0, trough = 0;
  uint64_t live_at_peak = 0, requests = 0;
  Repeats waves(work.waves, work.seconds);
  while (waves.next()) {
    const uint64_t requests_before = servers.requests();
    seconds += servers.all(&Server::rise);
    live_at_peak = servers.live();
    peak = rss_over_live();
    seconds += servers.all(&Server::ebb);
    requests += servers.requests() - requests_before;  // those of the trough wait for the clock
    servers.all(&Server::trough);
    trough = rss_over_live();
  }
  servers.add_to(pages);
  const auto live_pages = static_cast<double>(pages.bytes()) / static_cast<double>(servers.live());
  servers.all(&Server::end);
  return load.end({.operation = "request",
                   .operations = requests,
                   .seconds = seconds,
                   .live_bytes = live_at_peak,
                   .rss_over_live = peak,
                   .values = {{"trough_rss_over_live", trough}, {"trough_live_pages_over_live", live_pages}}});
}
