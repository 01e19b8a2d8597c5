// print/: the three forms of the statistics.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "print/fields.h"
#include "print/json.h"
#include "print/names.h"
#include "print/stats_json.h"
#include "print/stats_text.h"
#include "print/stats_xml.h"
#include "unit/print/example.h"

namespace hak::print {
namespace {

template <class Print>
std::string printed(Print print, const hakmem_statistics& stats) {
  std::string all;
  char buffer[100];
  Text out(
      buffer, sizeof buffer, [](void* to, std::string_view s) { static_cast<std::string*>(to)->append(s); }, &all);
  print(out, stats);
  out.flush();
  return all;
}

TEST(Docs, counters_md_explains_each_field_and_stage) {
  std::string file = __FILE__;
  file.resize(file.rfind("test/unit/print/"));
  std::ifstream docs(file + "docs/counters.md");
  ASSERT_TRUE(docs.is_open());
  std::string rows;
  for (std::string line; std::getline(docs, line);)
    if (line.starts_with("| `")) rows += line + "\n";
  const auto expect = [&rows](std::string_view name) {
    EXPECT_NE(rows.find("`" + std::string(name) + "`"), std::string::npos) << name;
  };
  for (const ClassField& field : kClassFields) expect(field.name);
  for (const OsField& field : kOsFields) expect(field.name);
  for (const std::string_view stage : kStageNames) expect(stage);
  std::set<std::string> known;
  for (const ClassField& field : kClassFields) known.emplace(field.name);
  for (const OsField& field : kOsFields) known.emplace(field.name);
  for (const std::string_view stage : kStageNames) known.emplace(stage);
  std::istringstream lines(rows);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cell(line.substr(2, line.find(" |") - 2));
    for (std::string name; cell >> name;) EXPECT_TRUE(known.contains(name.substr(1, name.size() - 2))) << name;
  }
}

TEST(StatsText, is_a_table_that_a_stranger_can_read) {
  EXPECT_EQ(printed(stats_text, *example()),
            R"(hakmem statistics

blocks: hits were served from the thread's list, misses by a refill; peak is the most out of slabs
at one time; local are frees by the thread that owns the block, remote those by another
tier      block       live live bytes       peak         hits    misses  hit %       local    remote
all                    401     89 KiB       1011          907       104   89.7         510       100
tiny                   400     25 KiB       1000          900       100   90.0         500       100
mid                      0        0 B         10            7         3   70.0          10         0
large                    1     64 KiB          1            0         1    0.0           0         0
tiny       64 B        400     25 KiB       1000          900       100   90.0         500       100
mid      1280 B          0        0 B         10            7         3   70.0          10         0
large    64 KiB          1     64 KiB          1            0         1    0.0           0         0

refills by the stage that served (docs/design.md, "Refill"), and memory held
tier      block    inbox    freed     bump  partial    empty    units superslab   shared       held
tiny                   0        0      100        0        0        0         0        0     64 KiB
mid                    0        0        3        0        0        0         0        0     64 KiB
tiny       64 B        0        0      100        0        0        0         0        0     64 KiB
mid      1280 B        0        0        3        0        0        0         0        0     64 KiB

the same for large and big blocks, a span each
tier      block     site    steal    units superslab       held
large                  0        0        1         0     64 KiB
large    64 KiB        0        0        1         0     64 KiB

memory               bytes
window               1 TiB  address range that blocks can lie in, not memory
claimed              4 MiB  part of it that is mapped: in use and free
in use             192 KiB  in slabs and spans
kept                   0 B  of what is in use: freed large and big blocks, for reuse
sparse                 0 B  of what is in use: pages given back in slabs with few blocks
overshoot              0 B  in memory before a block needs it, by huge pages
free, touched        1 MiB  still in memory, given back after HAKMEM_DECAY
free, clean        2.8 MiB  never touched, or given back
metadata          97.6 KiB  hakmem's own tables, mapped, mostly untouched
purged                 0 B  given back to the system so far
populated              0 B  fetched in batches instead of page by page so far
heaps                    2  one per thread that allocates
heaps, parked            1  of threads that have ended, for new threads
early returns            0  calls of free with null: nothing to free

system calls         calls   refused
map                      5         1  mmap: address range and memory
purge                    0         0  madvise: pages given back
populate                 0         0  madvise: pages ahead of use
huge pages               0         0  madvise: 2 MiB pages
remap                    0         0  mremap: realloc without copying
)");
}

TEST(StatsText, never_is_wider_than_100_columns) {
  std::istringstream lines(printed(stats_text, *worst()));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), kTableColumns) << line;
}

// A strict reader of the little JSON there is: objects, arrays, strings, natural numbers. False where it isn't JSON.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool whole() { return value() && rest_.empty(); }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool string() {
    if (!take('"')) return false;
    while (!rest_.empty() && rest_[0] != '"') {
      if (static_cast<unsigned char>(rest_[0]) < 0x20) return false;
      rest_.remove_prefix(rest_[0] == '\\' && rest_.size() > 1 ? 2 : 1);
    }
    return take('"');
  }
  bool list(char close, bool keys) {
    if (take(close)) return true;
    do {
      if (keys && !(string() && take(':'))) return false;
      if (!value()) return false;
    } while (take(','));
    return take(close);
  }
  bool value() {
    if (take('{')) return list('}', true);
    if (take('[')) return list(']', false);
    if (!rest_.empty() && rest_[0] == '"') return string();
    size_t digits = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') rest_.remove_prefix(1), ++digits;
    return digits > 0;
  }

  std::string_view rest_;
};

TEST(StatsJson, is_valid_and_has_every_field_of_every_class) {
  const std::string json = printed(stats_json, *example());
  EXPECT_TRUE(Reader(json).whole()) << json;
  EXPECT_EQ(json.rfind(R"({"schema":"hakmem-stats/1","tiers":[{"tier":"all","block_size":0,"live_blocks":401,)", 0), 0u)
      << json;
  EXPECT_NE(json.find(R"({"tier":"tiny","block_size":64,"live_blocks":400,"live_bytes":25600,"peak_blocks":1000,)"
                      R"("allocations":1000,"hits":900,"misses":100,"frees":600,"frees_local":500,"frees_remote":100,)"
                      R"("slabs":1,"held_bytes":65536,"refills":{"inbox":0,"freed":0,"bump":100,"partial":0,"empty":0,)"
                      R"("units":0,"superslab":0,"shared":0,"site":0,"steal":0}})"),
            std::string::npos)
      << json;
  for (const OsField& field : kOsFields)
    EXPECT_NE(json.find('"' + std::string(field.name) + "\":"), std::string::npos) << field.name;
}

TEST(StatsJson, survives_a_struct_full_of_nonsense) {
  EXPECT_TRUE(Reader(printed(stats_json, *worst())).whole());
  EXPECT_TRUE(Reader(printed(stats_json, hakmem_statistics{})).whole());
}

TEST(Json, escapes_what_strings_may_not_hold) {
  char buffer[256];
  Text out(buffer, sizeof buffer);
  Json json(out);
  json.array();
  json.object();
  json.member("a\"b", "c\\d\ne\x1f");
  json.member("n", uint64_t{1});
  json.end();
  json.array();
  json.end();
  json.element(2);
  json.element(3);
  json.end();
  EXPECT_EQ(out.view(), R"([{"a\"b":"c\\d\u000ae\u001f","n":1},[],2,3])");
}

// Every tag that opens closes, in order, and attributes are quoted; enough for what malloc_info prints.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = 0; (at = xml.find('<', at)) != std::string::npos;) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    at = end;
    const std::string name = tag.substr(tag[0] == '/', tag.find_first_of(" /", 1) - (tag[0] == '/'));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
  }
  return open.empty();
}

TEST(StatsXml, is_well_formed_and_looks_like_glibcs) {
  const std::string xml = printed(stats_xml, *example());
  EXPECT_TRUE(well_formed(xml)) << xml;
  EXPECT_TRUE(well_formed(printed(stats_xml, *worst())));
  EXPECT_EQ(xml.rfind("<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n"
                      "  <size from=\"1\" to=\"64\" total=\"39936\" count=\"624\"/>\n"
                      "  <size from=\"81\" to=\"1280\" total=\"65280\" count=\"51\"/>\n</sizes>\n"
                      "<total type=\"fast\" count=\"0\" size=\"105472\"/>\n",
                      0),
            0u)
      << xml;
  EXPECT_NE(xml.find("<system type=\"current\" size=\"4194304\"/>\n"), std::string::npos);
  EXPECT_EQ(xml.substr(xml.size() - 10), "</malloc>\n");
}

TEST(StatsXml, a_size_that_two_classes_have_begins_where_the_one_below_ends) {
  hakmem_statistics two = {};
  add_class(two, HAKMEM_TIER_TINY, 16, 0, 0, 0, 0);
  add_class(two, HAKMEM_TIER_TINY, 16, 9, 1, 0, 0);
  add_class(two, HAKMEM_TIER_TINY, 32, 9, 1, 0, 0);
  const std::string xml = printed(stats_xml, two);
  EXPECT_NE(xml.find("<size from=\"1\" to=\"16\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("<size from=\"17\" to=\"32\""), std::string::npos) << xml;
}

}  // namespace
}  // namespace hak::print
