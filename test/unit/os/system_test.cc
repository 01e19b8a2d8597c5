// os/clock, limits, thread, output, modules: the small windows to the system.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "base/format.h"
#include "base/sanitizer.h"
#include "os/clock.h"
#include "os/counters.h"
#include "os/fault.h"
#include "os/limits.h"
#include "os/modules.h"
#include "os/output.h"
#include "os/own_thread.h"
#include "os/thread.h"

namespace hak::os {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

TEST(Clock, goes_forward_and_both_clocks_agree) {
  const uint64_t before = now_ns();
  usleep(2000);
  const uint64_t after = now_ns();
  EXPECT_GE(after - before, 2'000'000u);
  EXPECT_LE(coarse_ms(), now_ns() / 1'000'000);
  EXPECT_GE(coarse_ms() + 100, after / 1'000'000);
}

TEST(Limits, are_those_that_were_set) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit = {size_t{1} << 33, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limit) != 0 || setrlimit(RLIMIT_DATA, &limit) != 0) _exit(2);
    _exit(address_space_limit() == limit.rlim_cur && data_limit() == limit.rlim_cur ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Limits, mappings_are_counted) {
  const uint64_t before = mapping_count();
  ASSERT_GT(before, 5u);
  // Neighbours of other rights are mappings of their own.
  constexpr size_t kPages = 100;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto* const start =
      static_cast<char*>(mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(start, MAP_FAILED);
  for (size_t i = 0; i < kPages; i += 2) ASSERT_EQ(mprotect(start + i * page, page, PROT_READ), 0);
  EXPECT_GE(mapping_count(), before + kPages - 2);
  EXPECT_LT(mapping_count(), before + kPages + 10);
  munmap(start, kPages * page);
}

TEST(Limits, of_the_kernel_are_within_reason) {
  EXPECT_EQ(contents("/proc/sys/vm/max_map_count"), std::to_string(max_map_count()) + "\n");
  EXPECT_EQ(contents("/proc/sys/vm/overcommit_memory"), std::to_string(static_cast<int>(overcommit())) + "\n");
  EXPECT_GE(cpu_count(), 1u);
  EXPECT_LE(cpu_count(), static_cast<unsigned>(sysconf(_SC_NPROCESSORS_CONF)));
  int local = 0;
  EXPECT_GT(address_end(), reinterpret_cast<uint64_t>(&local));
  EXPECT_EQ(address_end() & (address_end() - 1), 0u) << "a power of two";
  const std::string size = contents("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
  EXPECT_EQ(huge_page_bytes(), size.empty() ? uint64_t{2} << 20 : std::stoull(size));
  const HugePages mode = huge_pages();
  const std::string file = contents("/sys/kernel/mm/transparent_hugepage/enabled");
  EXPECT_EQ(mode == HugePages::always, file.find("[always]") != std::string::npos);
  EXPECT_EQ(mode == HugePages::on_request, file.find("[madvise]") != std::string::npos);
}

std::atomic<int> g_exits{0};
ExitKey g_exit_key;

TEST(Thread, an_armed_exit_key_calls_back_and_may_be_armed_again) {
  ASSERT_TRUE(g_exit_key.create([](void* rounds) {
    ++g_exits;
    const uintptr_t left = reinterpret_cast<uintptr_t>(rounds) - 1;
    if (left > 0) g_exit_key.arm(reinterpret_cast<void*>(left));
  }));
  std::thread([] { EXPECT_TRUE(g_exit_key.arm(reinterpret_cast<void*>(uintptr_t{3}))); }).join();
  EXPECT_EQ(g_exits.load(), 3);
  std::thread([] {
    g_exit_key.arm(reinterpret_cast<void*>(uintptr_t{1}));
    g_exit_key.arm(nullptr);
  }).join();
  EXPECT_EQ(g_exits.load(), 3) << "null disarms";
}

TEST(Thread, a_key_that_was_never_created_refuses) {
  const ExitKey key;
  EXPECT_FALSE(key.created());
  EXPECT_FALSE(key.arm(&g_exits));
}

TEST(Thread, the_barrier_works_once_registered_or_says_no) {
  errno = 4242;
  if (register_barrier()) {
    EXPECT_TRUE(barrier_all());
  }
  fault::arm({.call = fault::Call::barrier, .error = ENOSYS});
  EXPECT_FALSE(register_barrier());
  EXPECT_FALSE(barrier_all());
  fault::disarm();
  EXPECT_EQ(errno, 4242);
}

std::atomic<int> g_ran{0};

void look_around() {
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, nullptr, &set);
  errno = 17;  // its own: the test looks at ours
  g_ran = sigismember(&set, SIGTERM) == 1 ? g_ran + 1 : -1;
}

void wait_for_its_end() {
  for (int i = 0; i < 2000 && own_thread_runs(); ++i) usleep(1000);
  ASSERT_FALSE(own_thread_runs());
}

class OwnThread : public testing::Test {
  void SetUp() override {
    if (kThreadSanitizer) GTEST_SKIP() << "the thread sanitizer can't live with one";
  }
};

TEST_F(OwnThread, has_signals_blocked_and_its_own_errno_and_can_be_started_again) {
  for (int round = 1; round <= 3; ++round) {
    errno = 4242;
    ASSERT_TRUE(start_own_thread(look_around));
    wait_for_its_end();
    EXPECT_EQ(g_ran.load(), round);
    EXPECT_EQ(errno, 4242);
  }
  sigset_t mine;
  pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGTERM), 0) << "the caller's mask is back";
}

TEST_F(OwnThread, is_one_at_a_time) {
  static std::atomic<bool> end{false};
  ASSERT_TRUE(start_own_thread([] {
    while (!end) sleep_own_thread(1000);
  }));
  EXPECT_TRUE(own_thread_runs());
  EXPECT_FALSE(start_own_thread(look_around));
  end = true;
  wait_for_its_end();
}

TEST_F(OwnThread, can_be_refused) {
  const uint64_t refused = read(&Counters::thread_refused);
  fault::arm({.call = fault::Call::thread, .error = EAGAIN});
  EXPECT_FALSE(start_own_thread(look_around));
  fault::disarm();
  EXPECT_FALSE(own_thread_runs());
  EXPECT_EQ(read(&Counters::thread_refused), refused + 1);
}

TEST(Output, writes_all_bytes_through_a_slow_pipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string sent(300'000, 'x');  // more than a pipe holds
  std::string got;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) got.append(buffer, static_cast<size_t>(n));
  });
  EXPECT_TRUE(write_all(ends[1], sent));
  close(ends[1]);
  reader.join();
  EXPECT_EQ(got, sent);
  close(ends[0]);
  errno = 4242;
  EXPECT_FALSE(write_all(ends[1], "x"));
  EXPECT_EQ(errno, 4242);
}

TEST(Output, a_message_is_one_line_with_our_name) {
  testing::internal::CaptureStderr();
  message("no memory");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "hakmem: no memory\n");
}

TEST(Output, a_file_name_may_hold_the_process_id) {
  const std::string folder = testing::TempDir();
  const std::string expected = folder + "hakmem-100%-" + std::to_string(getpid()) + "-%d";
  const int fd = open_for_writing(folder + "hakmem-100%%-%p-%d");
  ASSERT_GE(fd, 0) << strerror(-fd);
  int context = fd;
  flush_to_fd(&context, "text");
  close(fd);
  EXPECT_EQ(contents(expected), "text");
  unlink(expected.c_str());
  EXPECT_EQ(open_for_writing("/nowhere/file"), -ENOENT);
  EXPECT_EQ(open_for_writing(std::string(5000, 'x')), -ENAMETOOLONG);
}

std::string location_of(const void* code) {
  FixedText<128> out;
  add_location(out, code);
  return std::string(out.view());
}

TEST(Modules, find_the_program_a_library_and_nothing) {
  char path[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", path, sizeof path - 1), 0);
  const std::string program = std::string(strrchr(path, '/') + 1);
  EXPECT_EQ(location_of(reinterpret_cast<const void*>(&location_of)).rfind(program + "+0x", 0), 0u);
  void* const function = dlsym(RTLD_DEFAULT, "qsort");
  Dl_info info;
  ASSERT_NE(dladdr(function, &info), 0);
  const Location libc = locate(function);
  ASSERT_TRUE(libc.known);
  EXPECT_EQ(libc.offset, static_cast<uint64_t>(static_cast<char*>(function) - static_cast<char*>(info.dli_fbase)));
  EXPECT_EQ(std::string(libc.module()), strrchr(info.dli_fname, '/') + 1);
  EXPECT_EQ(location_of(nullptr), "0x0");
  EXPECT_EQ(location_of(reinterpret_cast<void*>(uintptr_t{0x1000})), "0x1000");
}

}  // namespace
}  // namespace hak::os
