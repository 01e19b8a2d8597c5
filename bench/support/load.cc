#include "support/load.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace hak::bench {

namespace {

// The number of kilobytes behind `key` in a file of /proc/self, as bytes; 0 where there is none.
uint64_t bytes_in(const char* file, const char* key) {
  char text[8192];
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  size_t length = 0;
  for (ssize_t n; (n = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += static_cast<size_t>(n);
  close(fd);
  text[length] = '\0';
  const char* const found = strstr(text, key);
  return found != nullptr ? strtoull(found + strlen(key), nullptr, 10) * 1024 : 0;
}

std::string short_number(double number) {
  char text[40];
  const char* unit = "";
  if (number >= 1e9) number /= 1e9, unit = " G";
  else if (number >= 1e6) number /= 1e6, unit = " M";
  else if (number >= 1e4) number /= 1e3, unit = " k";
  std::snprintf(text, sizeof text, "%.3g%s", number, unit);
  return text;
}

std::string readable(const std::pair<const char*, double>& value) {
  char text[120];
  std::string name = value.first;
  const char* format = "%s %.3f";
  double number = value.second;
  if (name.ends_with("_bytes")) {
    name.resize(name.size() - strlen("_bytes"));
    format = "%s %.1f MiB";
    number /= 1048576;
  } else if (name.ends_with("_ns")) {
    name.resize(name.size() - strlen("_ns"));
    format = "%s %.4g ns";
  }
  std::snprintf(text, sizeof text, format, name.c_str(), number);
  return text;
}

std::string sizes_as_json(const std::vector<SizeCost>& sizes) {
  std::string text;
  for (const SizeCost& size : sizes)
    text += (text.empty() ? "" : ",") + std::string("{\"bytes\":") + std::to_string(size.bytes) +
            ",\"operations\":" + std::to_string(size.operations) +
            ",\"ns_per_operation\":" + json_number(size.ns_per_operation()) + "}";
  return text;
}

std::string histograms_as_json(const std::vector<Histogram>& histograms) {
  std::string text;
  for (const Histogram& histogram : histograms) {
    std::string buckets;
    for (const auto& [ns, count] : histogram.buckets)
      buckets += (buckets.empty() ? "[" : ",[") + json_number(ns) + "," + std::to_string(count) + "]";
    text += (text.empty() ? "" : ",") + json_string(histogram.name) + ":[" + buckets + "]";
  }
  return text;
}

// A line for each doubling, with a bar as long as its share.
void print_histogram(const Histogram& histogram) {
  uint64_t total = 0;
  for (const auto& [ns, count] : histogram.buckets) total += count;
  std::printf("%s\n", histogram.name);
  for (size_t i = 0; i < histogram.buckets.size();) {
    const int doubling = std::ilogb(histogram.buckets[i].first);
    uint64_t count = 0;
    for (; i < histogram.buckets.size() && std::ilogb(histogram.buckets[i].first) == doubling; i++)
      count += histogram.buckets[i].second;
    const double share = static_cast<double>(count) / static_cast<double>(total);
    const std::string bar(static_cast<size_t>(std::lround(share * 60)), '#');
    std::printf("  to %8.0f ns %10.4f %% %s\n", std::ldexp(1.0, doubling + 1), share * 100, bar.c_str());
  }
}

void print_sizes(const std::vector<SizeCost>& sizes) {
  for (const SizeCost& size : sizes)
    std::printf("%12llu bytes %12.4g ns\n", static_cast<unsigned long long>(size.bytes), size.ns_per_operation());
}

}  // namespace

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void sleep_for(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  timespec left = {whole, static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// statm's count is off by what each CPU has not yet added to it; smaps_rollup walks the page tables.
uint64_t resident_bytes() {
  const uint64_t bytes = bytes_in("/proc/self/smaps_rollup", "Rss:");
  return bytes != 0 ? bytes : bytes_in("/proc/self/status", "VmRSS:");
}

uint64_t peak_resident_bytes() { return bytes_in("/proc/self/status", "VmHWM:"); }

void give_up(const char* what) {
  std::fprintf(stderr, "bench: the system gives no more (%s): %s\n", what, strerror(errno));
  _exit(1);
}

void Load::begin(int argc, char** argv) {
  // --json and --expect are every program's and are no parameters of the load
  std::string expected;
  std::vector<char*> rest;
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0) {
      json_ = true;
    } else if (strcmp(argv[i], "--expect") == 0) {
      if (++i == argc) fail("--expect wants a value");
      expected = argv[i];
    } else if (strncmp(argv[i], "--expect=", 9) == 0) {
      expected = argv[i] + 9;
    } else {
      rest.push_back(argv[i]);
    }
  }
  parse(static_cast<int>(rest.size()), rest.data());

  std::string mixed;
  allocator_ = allocator_in_use(mixed);
  if (!mixed.empty()) {
    std::fprintf(stderr, "%s: refused: %s\n", program(), mixed.c_str());
    std::exit(3);
  }
  if (!expected.empty() && !is_expected(allocator_, expected)) {
    std::fprintf(stderr, "%s: refused: malloc is %s's (%s), and --expect says %s\n", program(), allocator_.name.c_str(),
                 allocator_.path.c_str(), expected.c_str());
    std::exit(3);
  }
}

int Load::end(const Result& r) const {
  const uint64_t peak = peak_resident_bytes();
  const double count = static_cast<double>(r.operations);
  const double ns = r.operations != 0 ? r.seconds * 1e9 / count : 0;
  const double rate = r.seconds > 0 ? count / r.seconds : 0;
  std::string line;
  if (json_) {
    line = "{\"schema\":\"hakmem-bench/1\",\"load\":" + json_string(program()) + ",\"parameters\":{" + as_json() +
           "},\"allocator\":" + json_string(allocator_.name) + ",\"version\":" + json_string(allocator_.version) +
           ",\"library\":" + json_string(allocator_.path) + ",\"operation\":" + json_string(r.operation) +
           ",\"operations\":" + json_number(count) + ",\"seconds\":" + json_number(r.seconds) +
           ",\"ns_per_operation\":" + json_number(ns) + ",\"operations_per_second\":" + json_number(rate) +
           ",\"peak_rss_bytes\":" + json_number(static_cast<double>(peak));
    if (r.live_bytes != 0) line += ",\"live_bytes\":" + json_number(static_cast<double>(r.live_bytes));
    if (r.rss_over_live != 0) line += ",\"rss_over_live\":" + json_number(r.rss_over_live);
    if (!r.sizes.empty()) line += ",\"sizes\":[" + sizes_as_json(r.sizes) + "]";
    if (!r.histograms.empty()) line += ",\"histograms\":{" + histograms_as_json(r.histograms) + "}";
    line += ",\"values\":{";
    for (size_t i = 0; i < r.values.size(); i++)
      line += (i == 0 ? "" : ",") + json_string(r.values[i].first) + ":" + json_number(r.values[i].second);
    line += "}}";
  } else {
    print_sizes(r.sizes);
    for (const Histogram& histogram : r.histograms) print_histogram(histogram);
    char text[200];
    std::snprintf(text, sizeof text, ": %s %ss/s, %.4g ns each; peak RSS %.1f MiB", short_number(rate).c_str(),
                  r.operation, ns, static_cast<double>(peak) / 1048576);
    line = program() + std::string(text);
    if (r.rss_over_live != 0) {
      std::snprintf(text, sizeof text, ", %.3f of live", r.rss_over_live);
      line += text;
    }
    for (const auto& value : r.values) line += "; " + readable(value);
    line += "; on " + allocator_.name + (allocator_.version.empty() ? "" : " " + allocator_.version) + " (" +
            allocator_.path + ")";
  }
  std::puts(line.c_str());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace hak::bench
