// What is measured of a run, and the one list of measures that table, JSON and stop rule derive from.
#pragma once

#include <cstdint>
#include <string>

namespace tool {

struct Run {
  double wall_s = 0;
  double user_s = 0;
  double system_s = 0;
  uint64_t peak_rss_bytes = 0;
  uint64_t least_rss_bytes =
      0;  // peaks below that can't be seen: what hakmem's forked child had before it became the program
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  double metric = 0;  // where --metric is given
};

enum class Unit { seconds, bytes, count, number };

struct Measure {
  const char* key;  // in JSON
  const char* title;
  Unit unit;
  double (*of)(const Run&);
  const char* less;  // the verdict on a ratio below 1
  const char* more;
  // What two runs may differ by without any doing of their allocators, in the unit: how long the variables are moves the
  // stack, and where the kernel puts it a page or two are touched or aren't. A count that hardly varies otherwise would
  // make a verdict of that. Source: Mytkowycz et al., "Producing wrong data without doing anything obviously wrong",
  // ASPLOS 2009.
  double chance = 0;
};

constexpr double kChancePages = 4;

constexpr Measure kMeasures[] = {
    {"wall_seconds", "wall time", Unit::seconds, [](const Run& r) { return r.wall_s; }, "faster", "slower"},
    {"cpu_seconds", "CPU time", Unit::seconds, [](const Run& r) { return r.user_s + r.system_s; }, "less", "more"},
    {"peak_rss_bytes", "peak memory", Unit::bytes, [](const Run& r) { return static_cast<double>(r.peak_rss_bytes); },
     "less", "more", kChancePages * 4096},
    {"page_faults", "page faults", Unit::count,
     [](const Run& r) { return static_cast<double>(r.minor_faults + r.major_faults); }, "fewer", "more", kChancePages},
};
constexpr Measure kWallTime = kMeasures[0];

constexpr Measure kMetricMoreIsBetter = {"metric", "metric", Unit::number, [](const Run& r) { return r.metric; },
                                         "slower", "faster"};
constexpr Measure kMetricLessIsBetter = {"metric", "metric", Unit::number, [](const Run& r) { return r.metric; },
                                         "faster", "slower"};

}  // namespace tool
