#include "os/memory.h"

#include <sys/auxv.h>
#include <sys/mman.h>

#include <atomic>

#include "base/check.h"
#include "base/units.h"
#include "os/clock.h"
#include "os/counters.h"
#include "os/fault.h"
#include "os/keep_errno.h"
#include "os/limits.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14; missing in older kernel headers
#endif

#ifndef MADV_COLD
#define MADV_COLD 20  // Linux 5.4
#endif

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4  // Linux 5.7
#endif

namespace hak::os {

constinit std::atomic<size_t> g_page_bytes{0};

size_t read_page_size() {
  const KeepErrno keep;
  const size_t asked = getauxval(AT_PAGESZ);
  const size_t n = is_power_of_two(asked) ? asked : 4096;
  g_page_bytes.store(n, std::memory_order_relaxed);
  return n;
}

namespace {

constexpr int kAnywhere = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

uintptr_t number(const void* at) { return reinterpret_cast<uintptr_t>(at); }

void check_range(const void* at, size_t bytes) {
  if constexpr (kDebug) {
    const size_t page = page_size();
    debug_check(at != nullptr && bytes != 0, "os: a range has an address and a size");
    debug_check(number(at) % page == 0 && bytes % page == 0, "os: a range is made of whole pages");
    debug_check(number(at) + bytes > number(at), "os: a range doesn't wrap around");
  }
}

// mmap(2) with the fault seam and the counters; null and the errno when refused.
void* try_map(void* at, size_t bytes, int protection, int flags, int& error) {
  count(g_counters.maps);
  error = fault::refusal(fault::Call::map);
  if (error != 0) return nullptr;
  void* const got = mmap(at, bytes, protection, flags, -1, 0);
  if (got == MAP_FAILED) {
    error = errno;
    return nullptr;
  }
  return got;
}

void* granted(void* at, size_t bytes) {
  count(at != nullptr ? g_counters.mapped_bytes : g_counters.maps_refused, at != nullptr ? bytes : 1);
  return at;
}

// munmap(2) without counting it: what a mapping took too much.
void trim(uintptr_t from, uintptr_t to) {
  if (from < to) munmap(reinterpret_cast<void*>(from), to - from);
}

struct AdviceCounters {
  Counter Counters::*calls;
  Counter Counters::*refused;
  Counter Counters::*bytes;  // null: not counted
};

bool advise(void* at, size_t bytes, int advice, fault::Call call, const AdviceCounters& counters) {
  check_range(at, bytes);
  const KeepErrno keep;
  count(g_counters.*counters.calls);
  if (fault::refusal(call) != 0 || madvise(at, bytes, advice) != 0) {
    count(g_counters.*counters.refused);
    return false;
  }
  if (counters.bytes != nullptr) count(g_counters.*counters.bytes, bytes);
  return true;
}

}  // namespace

Claim claim(void* at, size_t bytes) {
  check_range(at, bytes);
  const KeepErrno keep;
  int error = 0;
  void* const got = try_map(at, bytes, PROT_READ | PROT_WRITE, kAnywhere | MAP_FIXED_NOREPLACE, error);
  if (got == at) {
    granted(at, bytes);
    return Claim::done;
  }
  if (got != nullptr) munmap(got, bytes);  // the flag was ignored: taken as a hint
  const bool occupied = got != nullptr || error == EEXIST;
  count(occupied ? g_counters.maps_occupied : g_counters.maps_refused);
  return occupied ? Claim::occupied : Claim::refused;
}

void* reserve(size_t bytes, size_t align) {
  const size_t page = page_size();
  debug_check(is_power_of_two(align), "os: an alignment is a power of two");
  debug_check(bytes != 0 && bytes % page == 0, "os: a range is made of whole pages");
  const size_t slack = align > page ? align - page : 0;
  if (bytes > SIZE_MAX - slack) return nullptr;
  const KeepErrno keep;
  int error = 0;
  void* const got = try_map(nullptr, bytes + slack, PROT_NONE, kAnywhere, error);
  if (got == nullptr) return granted(nullptr, 0);
  const uintptr_t from = number(got);
  const uintptr_t at = round_up(from, align);
  trim(from, at);
  trim(at + bytes, from + bytes + slack);
  return granted(reinterpret_cast<void*>(at), bytes);
}

bool commit(void* at, size_t bytes) {
  check_range(at, bytes);
  const KeepErrno keep;
  count(g_counters.commits);
  if (fault::refusal(fault::Call::commit) != 0 || mprotect(at, bytes, PROT_READ | PROT_WRITE) != 0) {
    count(g_counters.commit_refused);
    return false;
  }
  count(g_counters.committed_bytes, bytes);
  return true;
}

void* map(size_t bytes) {
  debug_check(bytes != 0, "os: a mapping has a size");
  const size_t page = page_size();
  if (bytes > SIZE_MAX - page) return nullptr;
  const size_t whole = round_up(bytes, page);
  const KeepErrno keep;
  int error = 0;
  return granted(try_map(nullptr, whole, PROT_READ | PROT_WRITE, kAnywhere, error), whole);
}

void unmap(void* at, size_t bytes) {
  const size_t whole = round_up(bytes, page_size());
  check_range(at, whole);
  const KeepErrno keep;
  count(g_counters.unmaps);
  if (munmap(at, whole) == 0) count(g_counters.unmapped_bytes, whole);
}

bool purge(void* at, size_t bytes) {
  return advise(at, bytes, MADV_DONTNEED, fault::Call::purge,
                {&Counters::purges, &Counters::purge_refused, &Counters::purged_bytes});
}

bool populate(void* at, size_t bytes) {
  return advise(at, bytes, MADV_POPULATE_WRITE, fault::Call::populate,
                {&Counters::populates, &Counters::populate_refused, &Counters::populated_bytes});
}

namespace {

// One that is larger than a SuperSlab would bring memory that nobody asked for, and be split by whoever gives a part back.
bool has_usable_huge_pages() { return huge_pages() != HugePages::never && huge_page_bytes() <= kSuperBytes; }

// Read once: relaxed, every thread reads the same.
bool huge_pages_are_off() {
  enum class Known : uint8_t { no, off, on };
  static constinit std::atomic<Known> known{Known::no};
  if (known.load(std::memory_order_relaxed) == Known::no)
    known.store(has_usable_huge_pages() ? Known::on : Known::off, std::memory_order_relaxed);
  return known.load(std::memory_order_relaxed) == Known::off;
}

}  // namespace

bool advise_huge(void* at, size_t bytes, Huge huge) {
  if (huge == Huge::yes && huge_pages_are_off()) {
    count(g_counters.huge_advices);
    count(g_counters.huge_refused);
    return false;
  }
  return advise(at, bytes, huge == Huge::yes ? MADV_HUGEPAGE : MADV_NOHUGEPAGE, fault::Call::huge,
                {&Counters::huge_advices, &Counters::huge_refused, nullptr});
}

size_t resident_pages(const void* at, size_t bytes) {
  constexpr size_t kAtOnce = 128;
  check_range(at, bytes);
  const KeepErrno keep;
  const size_t page = page_size();
  size_t found = 0;
  for (size_t done = 0; done < bytes; done += kAtOnce * page) {
    unsigned char pages[kAtOnce];
    const size_t piece = bytes - done < kAtOnce * page ? bytes - done : kAtOnce * page;
    char* const from = static_cast<char*>(const_cast<void*>(at)) + done;
    if (fault::refusal(fault::Call::look) != 0 || mincore(from, piece, pages) != 0) return 0;
    for (size_t i = 0; i < piece / page; i++) found += pages[i] & 1;
  }
  return found;
}

bool is_locked(void* at, size_t bytes) {
  constexpr size_t kHugeBytes = 2 << 20;  // a piece of a huge page would split it
  check_range(at, bytes);
  const KeepErrno keep;
  const bool is_whole = number(at) % kHugeBytes == 0 && bytes >= kHugeBytes;
  return fault::refusal(fault::Call::look) != 0 || madvise(at, is_whole ? kHugeBytes : page_size(), MADV_COLD) != 0;
}

uint64_t measure_fault_ns() {
  constexpr size_t kPages = 32;
  constexpr uint64_t kUsual = 1000;
  const size_t page = page_size();
  void* const at = map(kPages * page);
  if (at == nullptr) return kUsual;
  const uint64_t begin = now_ns();
  for (size_t i = 0; i < kPages; i++) static_cast<volatile char*>(at)[i * page] = 1;
  const uint64_t ns = (now_ns() - begin) / kPages;
  unmap(at, kPages * page);
  return ns > 0 ? ns : 1;
}

namespace {

// After a refused mremap(2).
Moved keep_target(void* to, size_t bytes) {
  const Claim claimed = claim(to, bytes);
  if (claimed == Claim::done) advise_huge(to, bytes, Huge::no);  // as the window is
  return claimed == Claim::refused ? Moved::lost : Moved::refused;
}

}  // namespace

Moved move_pages(void* from, void* to, size_t bytes) {
  check_range(from, bytes);
  check_range(to, bytes);
  debug_check(number(from) + bytes <= number(to) || number(to) + bytes <= number(from),
              "os: ranges between which pages move don't overlap");
  const KeepErrno keep;
  count(g_counters.remaps);
  const bool is_refused_by_test = fault::refusal(fault::Call::remap) != 0;
  if (is_refused_by_test) munmap(to, bytes);  // as Debian 12's kernel does
  if (is_refused_by_test ||
      mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == MAP_FAILED) {
    count(g_counters.remap_refused);
    return keep_target(to, bytes);
  }
  count(g_counters.remapped_bytes, bytes);
  return Moved::done;
}

}  // namespace hak::os
