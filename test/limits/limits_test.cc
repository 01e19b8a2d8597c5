// Programs under limits and refusals, and bounds on resident memory. The loads run in processes of their own
// (limits_load) on the allocator that the environment names; this program stays on glibc.
//   HAK_TEST_LOAD     the load program         HAK_TEST_PRELOAD    library to preload, or empty
//   HAK_TEST_ALLOCATOR    hakmem, glibc or any: what the loads must find themselves on
//   HAK_TEST_SYSTEM=1     may change settings of the whole system for a moment (vm.overcommit_memory)
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/proc.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

std::string from_environment(const char* name) {
  const char* const value = getenv(name);
  return value != nullptr ? value : "";
}

bool on_hakmem() { return from_environment("HAK_TEST_ALLOCATOR") == "hakmem"; }
bool on_glibc() { return from_environment("HAK_TEST_ALLOCATOR") == "glibc"; }

struct Options {
  std::vector<Limit> limits{};
  std::vector<std::pair<std::string, std::string>> env{};
  std::vector<std::string> before{};  // a tool and its arguments, in front of the program
  int timeout_ms = 60'000;
};

Outcome run_command(std::vector<std::string> argv, const Options& options = {}) {
  Command command{.argv = options.before, .env = {preload(from_environment("HAK_TEST_PRELOAD"))}};
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  command.env.insert(command.env.end(), options.env.begin(), options.env.end());
  command.limits = options.limits;
  command.timeout_ms = options.timeout_ms;
  return run(command);
}

Outcome run_load(std::vector<std::string> arguments, const Options& options = {}) {
  arguments.insert(arguments.begin(), from_environment("HAK_TEST_LOAD"));
  return run_command(std::move(arguments), options);
}

// The value that the load said under this name, the last one; -1: none.
long value(const Outcome& outcome, const std::string& name) {
  const size_t at = ("\n" + outcome.out).rfind("\n" + name + " ");
  return at == std::string::npos ? -1 : strtol(outcome.out.c_str() + at + name.size() + 1, nullptr, 10);
}

constexpr rlim_t kKiBs = 1024;
constexpr long kMiBInKiB = 1024;

#define EXPECT_GOOD(outcome) EXPECT_TRUE((outcome).ok()) << (outcome).describe()
#define SKIP_IF_REFUSED(outcome) \
  if ((outcome).status == 77) GTEST_SKIP() << "this machine does not allow it"

TEST(Window, serves_to_its_end) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_WINDOW is hakmem's own";
  EXPECT_GOOD(run_load({"blocks", "16200", "131072", "0"}, {.env = {{"HAKMEM_WINDOW", "2G"}}}));
}

TEST(Start, says_what_was_found_where_that_is_asked_for) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_VERBOSE is hakmem's own";
  const Outcome outcome = run_load({"start"}, {.env = {{"HAKMEM_VERBOSE", "1"}, {"HAKMEM_DECAY", "2s"}}});
  EXPECT_GOOD(outcome);
  for (const char* said : {"hakmem: version ", " processors, pages of ", "hakmem: limits: address space ",
                           "hakmem: window: 1 TiB from 0x", "hakmem: options: HAKMEM_DECAY=2 s HAKMEM_VERBOSE=1\n"})
    EXPECT_NE(outcome.err.find(said), std::string::npos) << said << " in\n" << outcome.err;
}

// What a program opens in place of its stderr is its own.
TEST(Statistics, never_land_in_a_file_of_the_program) {
  if (from_environment("HAK_TEST_PRELOAD").empty() || !on_hakmem()) GTEST_SKIP() << "a shell, so preloaded";
  char file[] = "/tmp/hakmem-limits-XXXXXX";
  close(mkstemp(file));
  const Outcome outcome =
      run_command({"/bin/bash", "-c", std::string("exec 2>") + file}, {.env = {{"HAKMEM_STATS", "1"}}});
  struct stat info = {};
  stat(file, &info);
  unlink(file);
  EXPECT_GOOD(outcome);
  EXPECT_EQ(info.st_size, 0);
  EXPECT_NE(outcome.err.find("hakmem statistics"), std::string::npos);
}

// ---- address space -----------------------------------------------------------------------------------------------

TEST(AddressSpace, programs_start_in_32_MiB) {
  const Options options{.limits = {{RLIMIT_AS, 32 * 1024 * kKiBs}}};
  EXPECT_GOOD(run_load({"start"}, options));
  if (from_environment("HAK_TEST_PRELOAD").empty() && on_hakmem()) return;  // linked: the others aren't on hakmem
  EXPECT_GOOD(run_command({"/bin/true"}, options));
  const Outcome sh = run_command({"/bin/sh", "-c", "x=$(echo one two | wc -w); echo $x"}, options);
  EXPECT_GOOD(sh);
  EXPECT_EQ(sh.out, "2\n");
}

TEST(AddressSpace, a_program_starts_in_whatever_glibc_starts_in_and_a_little) {
  for (rlim_t mib : {24, 28, 48, 64, 96, 128, 256, 512, 1024, 4096, 65536}) {
    const Outcome outcome = run_load({"start"}, {.limits = {{RLIMIT_AS, mib * 1024 * kKiBs}}});
    EXPECT_TRUE(outcome.ok()) << mib << " MiB: " << outcome.describe();
  }
}

// Less than a program needs: it may fail, in order.
TEST(AddressSpace, too_little_of_it_never_crashes) {
  for (rlim_t mib = 4; mib < 24; mib += 2) {
    const Outcome outcome = run_load({"start"}, {.limits = {{RLIMIT_AS, mib * 1024 * kKiBs}}});
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1 || outcome.status == 127 || outcome.signal == SIGKILL ||
                (outcome.signal == SIGSEGV && mib < 12))  // the kernel itself, while it maps the program
        << mib << " MiB: " << outcome.describe();
  }
}

class EverySize : public testing::TestWithParam<int> {};

TEST_P(EverySize, under_200000_KiB_at_least_150_MB_are_served_and_once_freed_serve_every_other_size) {
  const Outcome outcome = run_load({"every-size-in-turn", "150000000", "400000000", std::to_string(GetParam())},
                                   {.limits = {{RLIMIT_AS, 200'000 * kKiBs}}});
  EXPECT_GOOD(outcome);
}
INSTANTIATE_TEST_SUITE_P(First, EverySize, testing::Range(0, 6));

TEST(AddressSpace, a_limit_set_at_run_time_holds) { EXPECT_GOOD(run_load({"limit-at-run-time", "0"})); }
TEST(AddressSpace, a_limit_on_data_set_at_run_time_holds) { EXPECT_GOOD(run_load({"limit-at-run-time", "1"})); }

TEST(AddressSpace, a_limit_on_data_from_the_start_holds) {
  EXPECT_GOOD(
      run_load({"every-size-in-turn", "150000000", "400000000", "1"}, {.limits = {{RLIMIT_DATA, 200'000 * kKiBs}}}));
  EXPECT_GOOD(run_load({"start"}, {.limits = {{RLIMIT_DATA, 16 * 1024 * kKiBs}}}));
}

TEST(AddressSpace, threads_are_created_until_the_limit_refuses_one_and_none_dies_of_it) {
  for (rlim_t mib : {40, 64, 128}) {
    const Outcome outcome = run_load({"threads-until-refused", "3000"}, {.limits = {{RLIMIT_AS, mib * 1024 * kKiBs}}});
    EXPECT_GOOD(outcome);
    EXPECT_GE(value(outcome, "threads"), 30) << mib;
  }
}

// ---- overcommit, locks, mappings -----------------------------------------------------------------------------------

TEST(System, strict_overcommit_is_enough) {
  const char* const file = "/proc/sys/vm/overcommit_memory";
  const long mode = read_number(file, 0);
  if (mode != 2) {
    if (from_environment("HAK_TEST_SYSTEM") != "1")
      GTEST_SKIP() << "vm.overcommit_memory is " << mode << "; HAK_TEST_SYSTEM=1 sets it to 2 for a moment";
    std::ofstream(file) << "2" << std::flush;
    if (read_number(file, 0) != 2) GTEST_SKIP() << "vm.overcommit_memory can't be set";
  }
  const Outcome start = run_load({"start"});
  const Outcome work = run_load({"refusals", "4", "3000", "1"});
  const Outcome heap = run_load({"blocks", "20000", "10000", "1"});
  if (mode != 2) std::ofstream(file) << mode << std::flush;
  EXPECT_GOOD(start);
  EXPECT_GOOD(work);
  EXPECT_GOOD(heap);
}

TEST(System, locked_memory_stays_small) {
  const Outcome outcome = run_load({"locked"});
  SKIP_IF_REFUSED(outcome);
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "rss_at_start_kib"), 48 * kMiBInKiB) << outcome.out;
  EXPECT_LE(value(outcome, "rss_at_end_kib"), 96 * kMiBInKiB) << outcome.out;
  if (on_glibc()) return;  // its realloc gives mappings back
  EXPECT_EQ(value(outcome, "unlocked_kib"), 0) << outcome.out;
  EXPECT_LE(value(outcome, "rss_after_growth_kib"), 300 * kMiBInKiB) << outcome.out;
}

TEST(System, mappings_stay_few) {
  for (const char* seed : {"1", "2"}) {
    const Outcome outcome = run_load({"mappings", seed, "100000"});
    EXPECT_GOOD(outcome);
    if (on_glibc()) continue;  // maps each large block by itself
    EXPECT_LE(value(outcome, "mappings_most"), value(outcome, "mappings_before") + 300) << outcome.out;
  }
}

TEST(System, memory_is_served_when_no_mapping_is_left) {
  const Outcome outcome = run_load({"no-mappings-left"});
  SKIP_IF_REFUSED(outcome);
  EXPECT_GOOD(outcome);
}

// ---- valgrind ------------------------------------------------------------------------------------------------------

class Valgrind : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Valgrind, runs_a_program) {
  if (access("/usr/bin/valgrind", X_OK) != 0) GTEST_SKIP() << "no valgrind";
  std::vector<std::string> tool = {"valgrind", "-q"};  // what it says itself would be a finding
  tool.insert(tool.end(), GetParam().begin(), GetParam().end());
  // memcheck that puts its own malloc in front takes hakmem's functions away: the load can't look for them
  const Outcome outcome = run_load({"refusals", "3", "600", "1"},
                                   {.env = {{"HAK_TEST_ALLOCATOR", "any"}}, .before = tool, .timeout_ms = 120'000});
  EXPECT_GOOD(outcome);
  EXPECT_EQ(outcome.err, "") << outcome.describe();
  const Outcome start = run_load({"start"}, {.before = tool, .timeout_ms = 120'000});
  EXPECT_GOOD(start);
}
INSTANTIATE_TEST_SUITE_P(Tool, Valgrind,
                         testing::Values(std::vector<std::string>{"--tool=none"},
                                         std::vector<std::string>{"--tool=callgrind", "--callgrind-out-file=/dev/null"},
                                         std::vector<std::string>{"--tool=memcheck", "--show-mismatched-frees=no"},
                                         std::vector<std::string>{"--tool=memcheck", "--show-mismatched-frees=no",
                                                                  "--undef-value-errors=no",
                                                                  "--soname-synonyms=somalloc=nouserintercepts"}));

// ---- refusals of the kernel ----------------------------------------------------------------------------------------

struct Refused {
  const char* call;
  bool has_memory;  // the process can live without these calls
};

class Refusals : public testing::TestWithParam<Refused> {};

TEST_P(Refusals, at_any_moment_are_survived_and_leak_nothing) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_FAULT is hakmem's own";
  long refused_somewhere = 0;
  for (int from : {1, 2, 3, 4, 5, 7, 10, 15, 22, 33, 50})
    for (const char* times : {"", "x1", "x3"}) {
      const std::string fault = std::string(GetParam().call) + "@" + std::to_string(from) + times;
      const Outcome outcome = run_load({"refusals", from % 2 == 1 ? "3" : "0", "600", std::to_string(from)},
                                       {.env = {{"HAKMEM_FAULT", fault}}});
      EXPECT_TRUE(outcome.ok()) << "HAKMEM_FAULT=" << fault << ": " << outcome.describe();
      if (GetParam().has_memory) {
        EXPECT_EQ(value(outcome, "refused"), 0) << "HAKMEM_FAULT=" << fault;
      }
      refused_somewhere += value(outcome, "refused") > 0;
    }
  RecordProperty("runs_with_null", static_cast<int>(refused_somewhere));
}
INSTANTIATE_TEST_SUITE_P(Call, Refusals,
                         testing::Values(Refused{"map", false}, Refused{"commit", false}, Refused{"purge", true},
                                         Refused{"populate", true}, Refused{"huge", true}, Refused{"remap", true},
                                         Refused{"barrier", true}, Refused{"thread", true}),
                         [](const auto& test) { return std::string(test.param.call); });

TEST(RefusalsTogether, are_survived) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_FAULT is hakmem's own";
  for (const char* fault :
       {"map@6+purge", "map@4x2+purge@2+huge+populate", "barrier+purge+huge+populate+remap+thread", "map@9x1=EINVAL"}) {
    const Outcome outcome = run_load({"refusals", "4", "1500", "9"}, {.env = {{"HAKMEM_FAULT", fault}}});
    EXPECT_TRUE(outcome.ok()) << "HAKMEM_FAULT=" << fault << ": " << outcome.describe();
  }
}

// ---- HAKMEM_LIMIT ----------------------------------------------------------------------------------------------------

using Environment = std::vector<std::pair<std::string, std::string>>;

TEST(Limit, a_load_that_fits_with_prompt_purging_survives_a_hard_limit) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  const Outcome outcome =
      run_load({"sizes-in-turn-within", "21", "80"}, {.env = {{"HAKMEM_LIMIT", "100M"}, {"HAKMEM_LIMIT_HARD", "1"}}});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "peak_kib"), (100 + 24) * kMiBInKiB) << outcome.out << "the table of blocks is 16 MiB";
}

TEST(Limit, beyond_a_hard_limit_there_is_enomem_and_what_is_freed_serves_again) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  for (const char* size : {"200", "5000", "120000", "3000000"}) {
    const Outcome outcome =
        run_load({"until-limit", size, "400"}, {.env = {{"HAKMEM_LIMIT", "64M"}, {"HAKMEM_LIMIT_HARD", "1"}}});
    EXPECT_GOOD(outcome);
    EXPECT_EQ(value(outcome, "enomem"), 1) << size;
    EXPECT_LE(value(outcome, "got_kib"), 64 * kMiBInKiB) << size;
    EXPECT_GE(value(outcome, "got_kib"), 48 * kMiBInKiB) << size;
    EXPECT_GE(value(outcome, "told"), 1) << size;
  }
}

TEST(Limit, a_block_that_grows_has_no_headroom_beyond_it) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  EXPECT_GOOD(run_load({"growth-within", "300"}, {.env = {{"HAKMEM_LIMIT", "300M"}, {"HAKMEM_LIMIT_HARD", "1"}}}));
}

TEST(Limit, a_block_that_is_moved_counts_once) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  EXPECT_GOOD(run_load({"growth-moved", "300"}, {.env = {{"HAKMEM_LIMIT", "300M"}, {"HAKMEM_LIMIT_HARD", "1"}}}));
  const Outcome copied =
      run_load({"growth-moved", "300"},
               {.env = {{"HAKMEM_LIMIT", "300M"}, {"HAKMEM_LIMIT_HARD", "1"}, {"HAKMEM_FAULT", "remap"}}});
  EXPECT_NE((copied.out + copied.err).find("no memory to grow"), std::string::npos) << "a copy has no room";
}

TEST(Limit, what_a_thread_keeps_goes_back_before_a_soft_limit_is_passed) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  for (const char* bytes : {"220000000", "25000000", "300000", "5000", "100"}) {
    const Outcome outcome = run_load({"kept-then-others", "300", bytes}, {.env = {{"HAKMEM_LIMIT", "300M"}}});
    EXPECT_GOOD(outcome);
    EXPECT_LE(value(outcome, "rss_kib"), 300 * kMiBInKiB) << bytes << ": " << outcome.out;
  }
}

TEST(Limit, a_soft_limit_tells_the_program_and_goes_on) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  for (const char* size : {"200", "120000"}) {
    const Outcome outcome = run_load({"until-limit", size, "100"}, {.env = {{"HAKMEM_LIMIT", "64M"}}});
    EXPECT_GOOD(outcome);
    EXPECT_EQ(value(outcome, "enomem"), 0) << size;
    EXPECT_GE(value(outcome, "told"), 1) << size;
    const Outcome below = run_load({"until-limit", size, "40"}, {.env = {{"HAKMEM_LIMIT", "64M"}}});
    EXPECT_EQ(value(below, "told"), 0) << size;
  }
}

// A tree that stands in for the system's: what is under test is the share, and that the limit is found.
TEST(Limit, a_share_of_the_cgroups_limit_is_a_limit) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  char folder[] = "/tmp/hakmem-cgroup-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string file = std::string(folder) + "/memory.max";
  const auto got = [&](const char* text) {
    std::ofstream(file) << text << "\n";
    const Environment environment = {
        {"HAKMEM_CGROUP", folder}, {"HAKMEM_LIMIT_SHARE", "50"}, {"HAKMEM_LIMIT_HARD", "1"}};
    return value(run_load({"until-limit", "5000", "200"}, {.env = environment}), "got_kib");
  };
  EXPECT_LE(got("134217728"), 64 * kMiBInKiB);
  EXPECT_GE(got("134217728"), 48 * kMiBInKiB);
  EXPECT_GE(got("max"), 195 * kMiBInKiB) << "no limit";
  unlink(file.c_str());
  rmdir(folder);
}

// A cgroup of our own with a limit on memory, of version 1 or 2, as long as it lives; `why_not` where there can be
// none.
class Cgroup {
 public:
  explicit Cgroup(const char* limit) {
    const std::string name = "/hakmem-test-" + std::to_string(getpid());
    if (make("/sys/fs/cgroup/memory" + name) && write("memory.limit_in_bytes", limit)) return;
    remove();
    if (make("/sys/fs/cgroup" + name) && write("memory.max", limit)) return;
    remove();
    why_not = "no cgroup with a limit on memory can be made here: " + std::string(strerror(errno));
  }
  ~Cgroup() { remove(); }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  /// The words by which a program runs in it.
  std::vector<std::string> enter() const {
    return {"sh", "-c", "echo $$ >" + folder_ + "/cgroup.procs && exec \"$@\"", "sh"};
  }

  std::string why_not;

 private:
  bool make(const std::string& folder) {
    if (mkdir(folder.c_str(), 0755) != 0) return false;
    folder_ = folder;
    return true;
  }
  bool write(const char* file, const char* text) const {
    std::ofstream out(folder_ + "/" + file);
    return static_cast<bool>(out << text << std::flush);
  }
  void remove() {
    const int error = errno;
    if (!folder_.empty()) rmdir(folder_.c_str());
    folder_.clear();
    errno = error;
  }

  std::string folder_;
};

TEST(Limit, in_a_real_cgroup_what_fits_survives_and_what_does_not_gets_enomem_instead_of_the_oom_killer) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_LIMIT is hakmem's own";
  const Cgroup cgroup("134217728");  // 128 MiB
  if (!cgroup.why_not.empty()) GTEST_SKIP() << cgroup.why_not;
  const std::vector<std::string> too_much = {"until-limit", "5000", "400"};
  const Environment share = {{"HAKMEM_LIMIT_SHARE", "80"}, {"HAKMEM_LIMIT_HARD", "1"}};

  const Outcome killed = run_load(too_much, {.before = cgroup.enter()});
  EXPECT_EQ(killed.signal, SIGKILL) << "without a limit of hakmem's: " << killed.describe();

  const Outcome refused = run_load(too_much, {.env = share, .before = cgroup.enter()});
  EXPECT_GOOD(refused);
  EXPECT_EQ(value(refused, "enomem"), 1) << refused.out;
  EXPECT_LE(value(refused, "got_kib"), 128 * kMiBInKiB * 8 / 10);
  EXPECT_GE(value(refused, "got_kib"), 128 * kMiBInKiB * 6 / 10);

  EXPECT_GOOD(run_load({"sizes-in-turn-within", "21", "80"}, {.env = share, .before = cgroup.enter()}));
}

// ---- resident memory -------------------------------------------------------------------------------------------------

TEST(Resident, blocks_of_128_KiB_that_nobody_touches_cost_little) {
  if (on_glibc()) GTEST_SKIP() << "glibc touches each";
  const Outcome outcome = run_load({"blocks", "70000", "131072", "0"});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "peak_kib"), 100 * kMiBInKiB) << outcome.out;
}

TEST(Resident, blocks_of_128_KiB_whose_first_page_is_touched_cost_that_page) {
  if (on_glibc()) GTEST_SKIP() << "glibc's headers touch another";
  const Outcome outcome = run_load({"blocks", "70000", "131072", "1"});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "peak_kib"), 330 * kMiBInKiB) << outcome.out;
}

// The same load on glibc, for what the threads' stacks and the program itself hold.
Outcome run_load_on_glibc(const std::vector<std::string>& arguments) {
  Command command{.argv = {from_environment("HAK_TEST_PLAIN_LOAD")},
                  .env = {preload(""), {"HAK_TEST_ALLOCATOR", "glibc"}}};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return run(command);
}

TEST(Resident, two_thousand_live_threads_that_asked_for_20_MiB_hold_20_MiB_more_than_with_glibc) {
  const std::vector<std::string> load = {"live-threads", "2000", std::to_string(20 * kMiB)};
  const Outcome outcome = run_load(load);
  const Outcome reference = run_load_on_glibc(load);
  EXPECT_GOOD(outcome);
  EXPECT_GOOD(reference);
  EXPECT_LE(value(outcome, "peak_kib"), value(reference, "peak_kib") + 20 * kMiBInKiB) << outcome.out;
}

TEST(Resident, threads_that_come_and_go_leave_nothing) {
  const auto growth = [] {
    const Outcome outcome = run_load({"threads-come-and-go", "100000", "64"}, {.timeout_ms = 300'000});
    EXPECT_GOOD(outcome);
    return value(outcome, "growth_kib");
  };
  long kib = growth();
  // How many threads meet depends on what else the machine does.
  for (int again = 0; again < 3 && kib > 2 * kMiBInKiB; again++) kib = growth();
  EXPECT_LE(kib, 2 * kMiBInKiB);
}

TEST(Resident, blocks_that_another_thread_frees_do_not_pile_up) {
  const Outcome outcome = run_load({"freed-elsewhere", "6000000"});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "growth_kib"), 2 * kMiBInKiB) << outcome.out;
}

// 40 MiB, within one decay period: what grew and was freed serves what grows next. By 1.5, a block and the one it leaves.
TEST(Resident, blocks_that_grow_and_are_freed_again_and_again_do_not_pile_up) {
  const Outcome outcome = run_load({"growth-again", "20", "10", "4"}, {.env = {{"HAKMEM_DECAY", "60000"}}});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "peak_kib"), 110 * kMiBInKiB) << outcome.out;
}

TEST(Resident, what_sleeping_owners_no_longer_hold_is_used_by_the_next) {
  for (const char* bytes : {"100", "4000", "30000"}) {
    if (on_glibc() && strcmp(bytes, "100") == 0) continue;  // its fast bins keep them
    const Outcome outcome = run_load({"owners-sleep", "64", bytes, "0"});
    EXPECT_GOOD(outcome);
    EXPECT_LE(value(outcome, "rss_4_kib"), value(outcome, "rss_1_kib") + 16 * kMiBInKiB) << bytes << " bytes:\n"
                                                                                         << outcome.out;
  }
}

// Of 64 MiB one in a hundred stays, each in a page or two of its own.
TEST(Resident, what_others_free_at_random_of_a_sleeping_owner_goes_back_page_by_page) {
  for (const char* bytes : {"500", "5000", "40000"}) {
    const Outcome outcome = run_load({"freed-of-a-sleeper", "64", bytes, "100"});
    EXPECT_GOOD(outcome);
    const long pages_each = (atol(bytes) + 2 * 4095) / 4096;
    const long live_pages = value(outcome, "kept_kib") * 1024 / atol(bytes) * pages_each * 4;
    if (!on_glibc()) {
      EXPECT_LE(value(outcome, "settled_kib"), live_pages + 6 * kMiBInKiB) << bytes << outcome.out;
    }
  }
}

TEST(Resident, four_sleeping_owners_of_256_MiB_hold_one_of_them_at_a_time_and_then_nothing) {
  if (!on_hakmem()) GTEST_SKIP() << "others keep it";
  const Outcome outcome = run_load({"owners-sleep", "256", "1000", "2000"});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "peak_kib"), 300 * kMiBInKiB) << outcome.out;
  EXPECT_LE(value(outcome, "settled_kib"), 20 * kMiBInKiB) << outcome.out;
}

TEST(Resident, sleeping_owners_are_reached_without_membarrier_too) {
  if (!on_hakmem()) GTEST_SKIP() << "HAKMEM_FAULT is hakmem's own";
  const Outcome outcome = run_load({"owners-sleep", "64", "4000", "0"}, {.env = {{"HAKMEM_FAULT", "barrier"}}});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "rss_4_kib"), value(outcome, "rss_1_kib") + 16 * kMiBInKiB) << outcome.out;
}

TEST(Resident, a_3_MB_heap_is_within_1_MB_of_glibc) {
  const Outcome outcome = run_load({"small-heap", "3000000"});
  const Outcome reference = run_load_on_glibc({"small-heap", "3000000"});
  EXPECT_GOOD(outcome);
  EXPECT_GOOD(reference);
  EXPECT_LE(value(outcome, "peak_kib"), value(reference, "peak_kib") + kMiBInKiB) << outcome.out << "glibc:\n"
                                                                                  << reference.out;
}

TEST(Resident, after_a_peak_little_is_left) {
  const Outcome outcome = run_load({"after-a-peak", "200"});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "left_kib"), 3 * kMiBInKiB) << outcome.out;
}

TEST(Resident, a_peak_that_is_over_before_the_first_tick_goes_back_too) {
  if (!on_hakmem()) GTEST_SKIP() << "others keep it";
  for (const char* threads : {"1", "60"}) {  // 64 MiB, or one each
    const Outcome outcome = run_load({"early-peak", "64", threads, "200"});
    EXPECT_GOOD(outcome);
    EXPECT_GE(value(outcome, "peak_kib"), 64 * kMiBInKiB) << outcome.out;
    EXPECT_LE(value(outcome, "left_kib"), 20 * kMiBInKiB) << outcome.out;
  }
}

// Of these sizes slabs leave some units of a SuperSlab over, which nobody ever used, but a huge page brought.
TEST(Resident, a_peak_of_blocks_that_fill_no_super_slab_goes_back_whole) {
  if (!on_hakmem()) GTEST_SKIP() << "others keep it";
  for (const char* bytes : {"20480", "57344"}) {
    const Outcome outcome = run_load({"early-peak", "200", "1", bytes});
    EXPECT_GOOD(outcome);
    EXPECT_LE(value(outcome, "left_kib"), 16 * kMiBInKiB) << outcome.out;
  }
}

TEST(Resident, a_big_block_that_was_freed_before_everybody_slept_goes_back) {
  if (!on_hakmem()) GTEST_SKIP() << "others keep it, or give it back at once";
  const std::vector<std::vector<std::string>> cases = {
      {"48", "1", "0"}, {"700", "1", "0"}, {"48", "4", "0"}, {"48", "2", "4000"}, {"5", "3", "0"}};
  for (const std::vector<std::string>& one : cases) {
    const Outcome outcome = run_load({"big-then-sleep", one[0], one[1], one[2]});
    EXPECT_GOOD(outcome);
    EXPECT_LE(value(outcome, "left_kib"), 4 * kMiBInKiB)
        << one[0] << " MiB, " << one[1] << " times, " << one[2] << " ms";
  }
}

TEST(Resident, a_busy_thread_keeps_little_of_a_peak_of_all_sizes) {
  if (!on_hakmem()) GTEST_SKIP() << "others keep it";
  const Outcome outcome = run_load({"busy-after-a-peak", "200"});
  EXPECT_GOOD(outcome);
  EXPECT_LE(value(outcome, "left_kib"), value(outcome, "live_kib") + 6 * kMiBInKiB) << outcome.out;
}

TEST(Resident, after_a_burst_of_1_GiB_at_most_1_3_of_what_is_live_is_left_and_4_MiB) {
  if (!on_hakmem()) GTEST_SKIP() << "others keep it";
  const Outcome outcome = run_load({"burst", "1024"});
  EXPECT_GOOD(outcome);
  EXPECT_GE(value(outcome, "live_kib"), 5 * kMiBInKiB) << outcome.out;
  const uint64_t most = value(outcome, "live_kib") * 13 / 10 + 4 * kMiBInKiB + 2 * kMiBInKiB;  // 2: the program
  EXPECT_LE(value(outcome, "asleep_kib"), most) << outcome.out;
  EXPECT_LE(value(outcome, "ended_kib"), most) << outcome.out;
}

}  // namespace
}  // namespace hak::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (hak::test::from_environment("HAK_TEST_LOAD").empty()) {
    fprintf(stderr, "HAK_TEST_LOAD must name the load program\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
