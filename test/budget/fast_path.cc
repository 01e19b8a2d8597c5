// Follows single calls of the allocator instruction by instruction, so that their hit paths can be counted and shown.
// The process forks; the child does each operation between two breakpoints, the parent steps it (ptrace) and prints
// what ran inside the allocator. fast_path.py compares that with a table. x86-64 only; status 77 where ptrace is
// refused.
//
// prints per operation:  operation NAME <newline> one line of hexadecimal offsets in the file that `malloc` is in
#include <dlfcn.h>
#include <link.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "support/allocator.h"
#include "support/opaque.h"

namespace {

using hak::test::opaque;

constexpr int kRepeats = 15;  // of which the median is the hit path: a refill is the exception
constexpr int kLive = 24;     // blocks around the one that is looked at, so that no list is empty and no slab is full

struct Operation {
  const char* name;
  void* (*allocate)();
  void (*release)(void*);
  bool follow_release;  // which of the two is looked at
};

template <size_t kBytes>
void* from_malloc() {
  return malloc(kBytes);
}
template <size_t kBytes>
void* from_new() {
  return ::operator new(kBytes);
}
void by_delete(void* block) { ::operator delete(block); }
template <size_t kBytes>
void by_sized_delete(void* block) {
  ::operator delete(block, kBytes);
}

constexpr Operation kOperations[] = {
    {"malloc-tiny", from_malloc<64>, free, false},
    {"free-tiny", from_malloc<64>, free, true},
    {"malloc-mid", from_malloc<5000>, free, false},
    {"free-mid", from_malloc<5000>, free, true},
    {"new-tiny", from_new<64>, by_delete, false},
    {"delete-tiny", from_new<64>, by_delete, true},
    {"sized-delete-tiny", from_new<64>, by_sized_delete<64>, true},
    {"sized-delete-mid", from_new<5000>, by_sized_delete<5000>, true},
};

inline void breakpoint() {
#if defined(__x86_64__)
  asm volatile("int3" : : : "memory");
#endif
}

// The child's side: warms up, then each operation kRepeats times between breakpoints.
void perform() {
  for (const Operation& operation : kOperations) {
    void* live[kLive];
    for (int round = 0; round < 4; round++) {
      for (void*& block : live) block = operation.allocate();
      for (int i = kLive / 2; i < kLive; i++) operation.release(live[i]);
      if (round < 3)
        for (int i = 0; i < kLive / 2; i++) operation.release(live[i]);
    }
    for (int i = 0; i < kRepeats; i++) {
      void* block;
      if (!operation.follow_release) breakpoint();
      block = opaque(operation.allocate());
      breakpoint();
      operation.release(block);
      if (operation.follow_release) breakpoint();
    }
    for (int i = 0; i < kLive / 2; i++) operation.release(live[i]);
  }
}

struct Module {
  uintptr_t base = 0, begin = 0, end = 0;
};

Module module_of(const void* code) {
  struct Search {
    uintptr_t code;
    Module found;
  } search{reinterpret_cast<uintptr_t>(code), {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto& s = *static_cast<Search*>(data);
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const auto& segment = info->dlpi_phdr[i];
          const uintptr_t begin = info->dlpi_addr + segment.p_vaddr, end = begin + segment.p_memsz;
          if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && s.code >= begin && s.code < end)
            s.found = {info->dlpi_addr, begin, end};
        }
        return 0;
      },
      &search);
  return search.found;
}

int g_status;

// Lets the child go on to its next stop. Returns false when it ended.
bool go_on(pid_t child, __ptrace_request how) {
  return ptrace(how, child, nullptr, nullptr) == 0 && waitpid(child, &g_status, 0) == child && WIFSTOPPED(g_status);
}

bool at_breakpoint(pid_t child) {
  siginfo_t info{};
  ptrace(PTRACE_GETSIGINFO, child, nullptr, &info);
  return info.si_code == SI_KERNEL || info.si_code == TRAP_BRKPT;
}

using Trace = std::vector<uintptr_t>;

// Steps from one breakpoint to the next, and keeps what ran inside `module`.
bool follow(pid_t child, const Module& module, Trace& trace) {
  do {
    if (!go_on(child, PTRACE_SINGLESTEP)) return false;
    if (at_breakpoint(child)) return true;
#if defined(__x86_64__)
    user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) return false;
    if (registers.rip >= module.begin && registers.rip < module.end) trace.push_back(registers.rip - module.base);
#endif
  } while (true);
}

int watch(pid_t child, const Module& module) {
  for (const Operation& operation : kOperations) {
    std::vector<Trace> traces;
    for (int i = 0; i < kRepeats; i++) {
      Trace trace;
      if (operation.follow_release) {
        if (!go_on(child, PTRACE_CONT) || !at_breakpoint(child)) return 1;  // after the allocation
      } else if (!go_on(child, PTRACE_CONT) || !at_breakpoint(child)) {
        return 1;  // before it
      }
      if (!follow(child, module, trace)) return 1;
      traces.push_back(std::move(trace));
    }
    std::sort(traces.begin(), traces.end(), [](const Trace& a, const Trace& b) { return a.size() < b.size(); });
    printf("operation %s\n", operation.name);
    for (uintptr_t offset : traces[kRepeats / 2]) printf("%lx ", offset);
    printf("\n");
  }
  return 0;
}

}  // namespace

int main() {
#if !defined(__x86_64__)
  puts("x86-64 only");
  return 77;
#endif
  if (const char* const wrong = hak::test::wrong_allocator(); wrong != nullptr) {
    fprintf(stderr, "%s\n", wrong);
    return 2;
  }
  void* const function = dlsym(RTLD_DEFAULT, "malloc");
  const Module module = module_of(function);
  Dl_info info{};
  dladdr(function, &info);
  printf("module %s\n", info.dli_fname);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
    raise(SIGSTOP);
    perform();
    _exit(0);
  }
  if (waitpid(child, &g_status, 0) != child || !WIFSTOPPED(g_status)) {
    puts("ptrace is refused here");
    return 77;
  }
  const int result = watch(child, module);
  if (result != 0) fprintf(stderr, "the child stopped unexpectedly, status %x\n", static_cast<unsigned>(g_status));
  kill(child, SIGKILL);
  waitpid(child, &g_status, 0);
  return result;
}
