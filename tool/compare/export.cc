#include "compare/export.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compare/table.h"
#include "hakmem/hakmem.h"

namespace tool {
namespace {

using Json = nlohmann::ordered_json;

std::string time_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "";
}

Json machine() {
  utsname system = {};
  uname(&system);
  return {{"kernel", system.release},
          {"architecture", system.machine},
          {"processor", processor()},
          {"processors", sysconf(_SC_NPROCESSORS_ONLN)}};
}

Json run_json(const Run& run, bool has_metric) {
  Json json = {{"wall_seconds", run.wall_s},       {"user_seconds", run.user_s},
               {"system_seconds", run.system_s},   {"peak_rss_bytes", run.peak_rss_bytes},
               {"minor_faults", run.minor_faults}, {"major_faults", run.major_faults}};
  if (has_metric) json["metric"] = run.metric;
  return json;
}

Json measure_json(const Comparison& comparison, const Row& row, const Measure& measure) {
  Json json = {{"mean", geometric_mean(values_of(row, measure))}};
  const RatioInterval interval = interval_of(comparison, row, measure);
  if (&row == &comparison.rows[0] || interval.pairs == 0) return json;
  json["ratio"] = interval.ratio;
  if (!interval.is_known()) return json;
  json["low"] = interval.low;
  json["high"] = interval.high;
  json["verdict"] = verdict_text(measure, verdict_of(comparison, row, measure));
  return json;
}

const char* stop_text(Stop stop) {
  switch (stop) {
    case Stop::precise:
      return "precision";
    case Stop::rounds:
      return "rounds";
    case Stop::time:
      return "time";
    case Stop::interrupted:
      return "interrupted";
    case Stop::baseline:
      return "baseline failed";
    case Stop::alone:
      return "nothing left to compare";
  }
  return "";
}

}  // namespace

std::string to_json(const Plan& plan, const Comparison& comparison) {
  Json json = {
      {"schema", "hakmem-compare/1"},
      {"hakmem", fmt::format("{}.{}.{}", HAKMEM_VERSION_MAJOR, HAKMEM_VERSION_MINOR, HAKMEM_VERSION_PATCH)},
      {"time", time_text()},
      {"machine", machine()},
      {"command", plan.program.words},
      {"baseline", comparison.rows[0].allocator.name},
      {"rounds", comparison.rounds},
      {"warmup", plan.warmup},
      {"confidence", plan.confidence},
      {"each_confidence", comparison.each_confidence},
      {"precision", plan.precision},
      {"stopped_by", stop_text(comparison.stop)},
  };
  if (plan.metric != nullptr) {
    json["metric"] = plan.metric->pattern();
    json["metric_less_is_better"] = plan.metric_less_is_better;
  }
  Json& allocators = json["allocators"] = Json::array();
  for (const Row& row : comparison.rows) {
    Json entry = {{"name", row.allocator.name}};
    if (!row.allocator.is_glibc()) entry["library"] = row.allocator.library;
    if (!row.allocator.variables.empty()) entry["variables"] = row.allocator.variables;
    if (!row.malloc_file.empty()) entry["malloc_in"] = row.malloc_file;
    if (!row.failure.empty()) {
      entry["failure"] = row.failure;
      entry["output"] = last_lines(row.output, 50);
    }
    if ((row.failure.empty() || &row == &comparison.rows[0]) && comparison.rounds > 0) {
      Json& measures = entry["measures"] = Json::object();
      for (const Measure& measure : comparison.measures) measures[measure.key] = measure_json(comparison, row, measure);
    }
    Json& runs = entry["runs"] = Json::array();
    for (const Run& run : row.runs) runs.push_back(run_json(run, plan.metric != nullptr));
    allocators.push_back(std::move(entry));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_csv(const Comparison& comparison) {
  const bool has_metric = std::string(comparison.measures[0].key) == "metric";
  std::string text =
      "round,allocator,wall_seconds,user_seconds,system_seconds,peak_rss_bytes,minor_faults,major_faults";
  text += has_metric ? ",metric\n" : "\n";
  for (size_t round = 0; round < comparison.rounds; ++round)
    for (const Row& row : comparison.rows) {
      if (round >= row.runs.size()) continue;
      const Run& run = row.runs[round];
      text += fmt::format("{},{},{},{},{},{},{},{}", round + 1, row.allocator.name, run.wall_s, run.user_s,
                          run.system_s, run.peak_rss_bytes, run.minor_faults, run.major_faults);
      text += has_metric ? fmt::format(",{}\n", run.metric) : "\n";
    }
  return text;
}

}  // namespace tool
