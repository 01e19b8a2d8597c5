// glibc's tuning and reports: mallopt, mallinfo, malloc_stats, malloc_info, malloc_trim.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "contract/functions.h"
#include "support/allocator.h"
#include "support/proc.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

struct Setting {
  const char* name;
  int parameter, value;
};

TEST(Mallopt, accepts_every_documented_parameter) {
  const Setting settings[] = {
      {"M_TRIM_THRESHOLD", M_TRIM_THRESHOLD, 128 * 1024},
      {"M_TOP_PAD", M_TOP_PAD, 0},
      {"M_MMAP_THRESHOLD", M_MMAP_THRESHOLD, 128 * 1024},
      {"M_MMAP_MAX", M_MMAP_MAX, 65536},
      {"M_ARENA_MAX", M_ARENA_MAX, 8},
      {"M_ARENA_TEST", M_ARENA_TEST, 8},
      {"M_MXFAST", M_MXFAST, 128},
      {"M_PERTURB", M_PERTURB, 0},
      {"M_CHECK_ACTION", M_CHECK_ACTION, 3},
  };
  for (const Setting& s : settings) EXPECT_EQ(mallopt(s.parameter, s.value), 1) << s.name;
}

size_t in_use(const struct mallinfo2& info) { return info.uordblks + info.hblkhd; }

TEST(Mallinfo, follows_what_is_allocated_and_freed) {
  for (size_t n : {size_t{100}, size_t{5000}, size_t{100000}, 3 * kMiB}) {
    const size_t count = 8 * kMiB / n + 1;
    std::vector<void*> blocks(count);
    const size_t before = in_use(mallinfo2());
    for (void*& block : blocks) block = malloc(n);
    const size_t during = in_use(mallinfo2());
    for (void* block : blocks) free(block);
    const size_t after = in_use(mallinfo2());
    EXPECT_GE(during, before + count * n) << n;
    EXPECT_LE(during, before + count * (n * 5 / 4 + (n > 4096 ? 64 * kKiB : 64))) << n;
    EXPECT_LE(after, before + 512 * kKiB) << n;  // glibc's caches count as used
  }
}

TEST(Mallinfo, of_int_says_the_same) {
  void* const block = malloc(3 * kMiB);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
  const struct mallinfo2 wide = mallinfo2();
  EXPECT_EQ(static_cast<size_t>(narrow.arena), wide.arena);
  EXPECT_EQ(static_cast<size_t>(narrow.hblkhd), wide.hblkhd);
  EXPECT_EQ(static_cast<size_t>(narrow.uordblks), wide.uordblks);
  EXPECT_EQ(static_cast<size_t>(narrow.fordblks), wide.fordblks);
  EXPECT_GE(wide.uordblks + wide.hblkhd, 3 * kMiB);
  free(block);
}

TEST(MallocInfo, writes_xml_and_refuses_options) {
  std::vector<void*> blocks;
  for (size_t n : tier_sizes(3 * kMiB)) blocks.push_back(malloc(n));
  FILE* const file = tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_NE(malloc_info(opaque(1), file), 0);
  EXPECT_EQ(ftell(file), 0);
  EXPECT_EQ(malloc_info(0, file), 0);
  fflush(file);
  std::string text(static_cast<size_t>(ftell(file)), '\0');
  rewind(file);
  ASSERT_EQ(fread(text.data(), 1, text.size(), file), text.size());
  fclose(file);
  EXPECT_EQ(text.rfind("<malloc version=", 0), 0u) << text;
  EXPECT_NE(text.find("</malloc>\n"), std::string::npos) << text;
  // each element is closed: a reader of XML takes it
  std::vector<std::string> open;
  for (size_t at = 0; (at = text.find('<', at)) != std::string::npos; at++) {
    const size_t end = text.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = text.substr(at + 1, end - at - 1);
    if (tag.empty() || tag.back() == '/' || tag[0] == '?' || tag[0] == '!') continue;
    if (tag[0] != '/') {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    } else {
      ASSERT_FALSE(open.empty()) << tag;
      EXPECT_EQ(tag.substr(1), open.back());
      open.pop_back();
    }
  }
  EXPECT_TRUE(open.empty());
  for (void* block : blocks) free(block);
}

TEST(MallocStats, writes_to_stderr) {
  FILE* const file = tmpfile();
  ASSERT_NE(file, nullptr);
  fflush(stderr);
  const int saved = dup(2);
  dup2(fileno(file), 2);
  malloc_stats();
  fflush(stderr);
  dup2(saved, 2);
  close(saved);
  EXPECT_GT(lseek(fileno(file), 0, SEEK_END), 20);
  fclose(file);
}

TEST(MallocTrim, gives_the_memory_of_freed_blocks_back) {
  constexpr size_t kTotal = 64 * kMiB;
  for (size_t n : {size_t{200}, size_t{5000}, size_t{100000}, kMiB}) {
    malloc_trim(0);
    const long before = resident_kib();
    std::vector<void*> blocks(kTotal / n);
    for (void*& block : blocks) {
      block = malloc(n);
      ASSERT_NE(block, nullptr);
      memset(block, 1, n);
    }
    void* const last = malloc(n);  // keeps glibc from trimming by itself
    EXPECT_GE(resident_kib(), before + 60 * 1024) << n;
    for (void* block : blocks) free(block);
    malloc_trim(0);
    EXPECT_LE(resident_kib(), before + 8 * 1024) << n;
    free(last);
  }
}

TEST(MallocTrim, says_whether_anything_was_given_back) {
  constexpr size_t kBlock = 5000, kCount = 4000;
  std::vector<void*> blocks(kCount);
  for (void*& block : blocks) {
    block = malloc(kBlock);
    memset(block, 1, kBlock);
  }
  void* const last = malloc(kBlock);
  for (void* block : blocks) free(block);
  EXPECT_EQ(malloc_trim(0), 1);
  if (is_hakmem()) {  // glibc says 1 whenever there are whole free pages, given back before or not
    EXPECT_EQ(malloc_trim(0), 0) << "nothing was left to give back";
  }
  free(last);
}

TEST(MallocTrim, reaches_what_other_threads_freed) {
  if (!is_hakmem()) GTEST_SKIP() << "glibc keeps thread caches and arenas; hakmem promises parked heaps too";
  malloc_trim(0);
  const long before = resident_kib();
  for (int i = 0; i < 4; i++)
    std::thread([] {
      std::vector<void*> blocks(20000);
      for (void*& block : blocks) {
        block = malloc(1000);
        memset(block, 1, 1000);
      }
      for (void* block : blocks) free(block);
    }).join();
  malloc_trim(0);
  EXPECT_LE(resident_kib(), before + 4 * 1024);
}

TEST(Reports, may_be_asked_while_threads_allocate) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; t++)
    threads.emplace_back([] {
      for (size_t i = 0; i < 30000; i++) {
        void* const block = malloc(i % 3000);
        touch(block);
        free(block);
      }
    });
  FILE* const null = fopen("/dev/null", "w");
  for (int i = 0; i < 30; i++) {
    EXPECT_LT(in_use(mallinfo2()), size_t{1} << 40);
    EXPECT_EQ(malloc_info(0, null), 0);
    malloc_trim(0);
  }
  fclose(null);
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace hak::test
