// guard/report: the whole line of every error, and what happens after it.
#include "guard/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

#include "base/format.h"
#include "conf/config.h"
#include "hakmem/hakmem.h"
#include "os/modules.h"

namespace hak::guard {
namespace {

const void* const kBlock = reinterpret_cast<const void*>(0x7f12a4c01040);
const void* const kInside = reinterpret_cast<const void*>(0x7f12a4c01050);

std::string line(const Misuse& misuse) {
  FixedText<kLineMost> out;
  add_misuse(out, misuse);
  EXPECT_FALSE(out.truncated());
  return std::string(out.view());
}

Misuse of_tiny(Error error, std::string_view function) {
  return {.error = error, .pointer = kBlock, .function = function, .tier = HAKMEM_TIER_TINY, .block_bytes = 64};
}

TEST(Report, every_error_has_its_line) {
  EXPECT_EQ(line({.error = Error::foreign_pointer, .pointer = kBlock, .function = "free"}),
            "free of 0x7f12a4c01040, which is not hakmem's memory; see docs/errors.md, foreign-pointer");
  EXPECT_EQ(line({.error = Error::never_allocated, .pointer = kBlock, .function = "realloc"}),
            "realloc of 0x7f12a4c01040, which is not allocated; see docs/errors.md, never-allocated");
  EXPECT_EQ(line(of_tiny(Error::double_free, "free")),
            "double free of 0x7f12a4c01040, a tiny block of 64 bytes; see docs/errors.md, double-free");
  EXPECT_EQ(line(of_tiny(Error::freed_pointer, "realloc")),
            "realloc of freed 0x7f12a4c01040, a tiny block of 64 bytes; see docs/errors.md, freed-pointer");
  EXPECT_EQ(line(of_tiny(Error::corrupted_free_list, "malloc")),
            "corrupted free list at 0x7f12a4c01040, a tiny block of 64 bytes; see docs/errors.md, corrupted-free-list");
  Misuse interior = of_tiny(Error::interior_pointer, "free");
  interior.pointer = kInside;
  interior.start = kBlock;
  EXPECT_EQ(line(interior),
            "free of 0x7f12a4c01050, 16 bytes into a tiny block of 64 bytes at 0x7f12a4c01040; see docs/errors.md, "
            "interior-pointer");
  Misuse mismatch = of_tiny(Error::size_mismatch, "operator delete");
  mismatch.said = 500;
  EXPECT_EQ(line(mismatch),
            "operator delete of 0x7f12a4c01040, a tiny block of 64 bytes, but the caller says 500 bytes; see "
            "docs/errors.md, size-mismatch");
  mismatch.error = Error::alignment_mismatch;
  mismatch.said = 256;
  EXPECT_EQ(line(mismatch),
            "operator delete of 0x7f12a4c01040, a tiny block of 64 bytes, but the caller says alignment 256; see "
            "docs/errors.md, alignment-mismatch");
}

TEST(Report, a_block_of_unknown_size_or_tier_is_just_a_block) {
  Misuse m = of_tiny(Error::double_free, "free");
  m.tier = HAKMEM_TIER_BIG;
  EXPECT_NE(line(m).find(", a big block of 64 bytes;"), std::string::npos);
  m.tier = 0;
  m.block_bytes = 0;
  EXPECT_NE(line(m).find(", a block;"), std::string::npos);
}

TEST(Report, the_calling_site_is_named_by_module_and_offset) {
  Misuse m = of_tiny(Error::double_free, "free");
  m.site = reinterpret_cast<const void*>(&line);
  FixedText<128> site;
  os::add_location(site, m.site);
  EXPECT_NE(line(m).find("; freed at " + std::string(site.view()) + "; see"), std::string::npos) << line(m);
  m.error = Error::corrupted_free_list;
  EXPECT_NE(line(m).find("; found at "), std::string::npos);
}

class ReportDeathTest : public testing::Test {
 protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
  void TearDown() override { conf::g_config.misuse = conf::OnMisuse::abort; }
};

TEST_F(ReportDeathTest, a_misuse_prints_one_line_and_aborts) {
  EXPECT_EXIT(report_misuse(of_tiny(Error::double_free, "free")), testing::KilledBySignal(SIGABRT),
              "^hakmem: double free of 0x7f12a4c01040, a tiny block of 64 bytes; see docs/errors.md, double-free\n$");
}

TEST_F(ReportDeathTest, with_misuse_report_it_returns_and_keeps_errno) {
  conf::g_config.misuse = conf::OnMisuse::report;
  testing::internal::CaptureStderr();
  errno = 4242;
  report_misuse(of_tiny(Error::double_free, "free"));
  EXPECT_EQ(errno, 4242);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hakmem: double free of 0x7f12a4c01040, a tiny block of 64 bytes; see docs/errors.md, double-free\n");
}

TEST_F(ReportDeathTest, out_of_memory_without_exceptions_ends_the_process_whatever_misuse_says) {
  conf::g_config.misuse = conf::OnMisuse::report;
  EXPECT_EXIT(die_out_of_memory("operator new", 4096, nullptr), testing::KilledBySignal(SIGABRT),
              "^hakmem: operator new of 4096 bytes failed, and the program has no C\\+\\+ runtime to throw "
              "std::bad_alloc; see docs/errors.md, out-of-memory\n$");
}

TEST(Report, every_section_that_a_line_names_is_in_the_document) {
  std::string file = __FILE__;
  file.resize(file.rfind("test/unit/guard/"));
  std::ifstream docs(file + "docs/errors.md");
  ASSERT_TRUE(docs.is_open());
  std::stringstream all;
  all << docs.rdbuf();
  for (const ErrorText& error : kErrors)
    EXPECT_NE(all.str().find("\n## " + std::string(error.slug) + "\n"), std::string::npos) << error.slug;
  EXPECT_NE(all.str().find("\n## " + std::string(kOutOfMemorySlug) + "\n"), std::string::npos);
}

}  // namespace
}  // namespace hak::guard
