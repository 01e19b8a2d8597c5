// The misuses. Each function is one program's mistake, written as plainly as it would be made.
#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

#include "misuse/case.h"
#include "support/allocator.h"
#include "support/opaque.h"

extern "C" {
void free_sized(void*, size_t) __attribute__((weak));
void free_aligned_sized(void*, size_t, size_t) __attribute__((weak));
}

namespace hak::test {

namespace {

constexpr size_t kTiny = 64, kMid = 5000, kLarge = 300'000, kBig = 3'000'000;

char g_static[256];

char* plus(void* block, size_t bytes) { return static_cast<char*>(opaque(block)) + bytes; }

template <size_t kBytes>
char* make() {
  char* const block = static_cast<char*>(opaque(malloc(kBytes)));
  memset(block, 1, kBytes);
  return block;
}

char* make_mapping() {
  return static_cast<char*>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

// A thread that is there before the mistake begins: starting one allocates, and could be given the very block.
class OtherThread {
 public:
  OtherThread()
      : thread_([this] {
          while (job_.load() == nullptr) std::this_thread::yield();
          job_.load()(block_);
        }) {}
  ~OtherThread() {
    if (thread_.joinable()) thread_.join();
  }

  /// Runs job(block) there, to its end and the thread's.
  void run(void (*job)(char*), char* block) {
    block_ = block;
    job_ = job;
    thread_.join();
  }

 private:
  char* block_ = nullptr;
  std::atomic<void (*)(char*)> job_{nullptr};
  std::thread thread_;  // last: it uses the others
};

// An address in hakmem's window that no block ever lay at: as far behind the first blocks of this small process as the
// window reaches by now.
char* make_unused() {
  char* const block = make<kLarge>();
  for (size_t distance = size_t{4} << 30; distance >= size_t{1} << 16; distance /= 2)
    if (hakmem()->block_info(block + distance).state == HAKMEM_BLOCK_UNUSED) return block + distance;
  return block;
}

// ---- free of what is no block ------------------------------------------------------------------------------------

void free_stack() {
  char local[128];
  char* const p = opaque(local + 32);
  announce(p);
  free(p);
  touch(p);
}

void free_static() {
  char* const p = opaque(g_static + 16);
  announce(p);
  free(p);
  touch(p);
}

void free_function() {
  void* const p = opaque(reinterpret_cast<void*>(&free_stack));
  announce(p);
  free(p);
  touch(p);
}

void free_mapping() {
  char* const p = make_mapping();
  announce(p);
  free(p);
  touch(p);
}

template <uintptr_t kAddress>
void free_address() {
  void* const p = reinterpret_cast<void*>(opaque(kAddress));
  announce(p);
  free(p);
  touch(p);
}

void free_unused() {
  char* const p = make_unused();
  announce(p);
  free(p);
  touch(p);
}

void delete_static() {
  char* const p = opaque(g_static + 16);
  announce(p);
  ::operator delete(p);
  touch(p);
}

void sized_delete_static() {
  char* const p = opaque(g_static + 16);
  announce(p);
  ::operator delete (p, size_t{64});
  touch(p);
}

void free_static_in_thread() {
  OtherThread other;
  char* const p = opaque(g_static + 16);
  announce(p);
  other.run(
      [](char* p) {
        free(p);
        touch(p);
      },
      p);
}

// ---- interior pointers -------------------------------------------------------------------------------------------

template <size_t kBytes, size_t kInside>
void free_interior() {
  char* const block = make<kBytes>();
  char* const p = plus(block, kInside);
  announce(p, block);
  free(p);
  touch(p);
}

template <size_t kBytes, size_t kInside>
void free_interior_in_thread() {
  OtherThread other;
  char* const block = make<kBytes>();
  char* const p = plus(block, kInside);
  announce(p, block);
  other.run(
      [](char* p) {
        free(p);
        touch(p);
      },
      p);
}

// ---- double free -------------------------------------------------------------------------------------------------

template <size_t kBytes>
void free_twice() {
  char* const p = make<kBytes>();
  announce(p, p);
  free(opaque(p));
  free(opaque(p));
  touch(p);
}

void delete_twice() {
  void* const p = opaque(::operator new(kTiny));
  announce(p, p);
  ::operator delete(opaque(p));
  ::operator delete(opaque(p));
  touch(p);
}

void sized_delete_twice() {
  void* const p = opaque(::operator new(kTiny));
  announce(p, p);
  ::operator delete(opaque(p), kTiny);
  ::operator delete(opaque(p), kTiny);
  touch(p);
}

// What other threads freed comes back with a refill of the owner's: at the latest there it can be seen.
template <size_t kBytes>
void use_up_the_list() {
  constexpr size_t kCount = 256 * 1024 / kBytes + 4;
  void* blocks[kCount];
  for (void*& block : blocks) block = opaque(malloc(kBytes));
  for (void* block : blocks) free(block);
}

// Other blocks of the slab keep it alive, so that the second free meets a slab that is in use.
template <size_t kBytes>
void free_here_then_in_thread() {
  OtherThread other;
  char* const neighbour = make<kBytes>();
  char* const p = make<kBytes>();
  announce(p, p);
  free(opaque(p));
  other.run(
      [](char* p) {
        free(opaque(p));
        touch(p);
      },
      p);
  use_up_the_list<kBytes>();
  free(neighbour);
}

template <size_t kBytes>
void free_twice_in_thread() {
  OtherThread other;
  char* const neighbour = make<kBytes>();
  char* const p = make<kBytes>();
  announce(p, p);
  other.run(
      [](char* p) {
        free(opaque(p));
        free(opaque(p));
        touch(p);
      },
      p);
  use_up_the_list<kBytes>();
  free(neighbour);
}

// later: the owner has taken it in between, and it waits on a list.
template <size_t kBytes, bool kLater>
void free_in_thread_then_here() {
  OtherThread other;
  char* const neighbour = make<kBytes>();
  char* const p = make<kBytes>();
  announce(p, p);
  other.run([](char* p) { free(opaque(p)); }, p);
  if (kLater) malloc_trim(0);
  free(opaque(p));
  use_up_the_list<kBytes>();
  free(neighbour);
}

// The owner sleeps, and whoever helps it meets the chain.
template <size_t kBytes>
void free_twice_while_the_owner_sleeps() {
  OtherThread other;
  static char* p;
  other.run(
      [](char*) {
        touch(make<kBytes>());  // keeps the slab
        p = make<kBytes>();
      },
      nullptr);
  announce(p, p);
  free(opaque(p));
  free(opaque(p));
  touch(p);
  malloc_trim(0);
  use_up_the_list<kBytes>();
}

template <size_t kBytes>
void free_twice_with_others_between() {
  char* const p = make<kBytes>();
  char* const other = make<kBytes>();
  announce(p, p);
  free(opaque(p));
  free(opaque(other));
  free(opaque(p));
  touch(p);
}

// A slab that has become empty is cut anew, and in it lie blocks of before that were not handed out again.
void free_twice_in_a_slab_cut_anew() {
  constexpr size_t kCount = 20'000;
  static uintptr_t blocks[kCount];
  for (uintptr_t& block : blocks) block = reinterpret_cast<uintptr_t>(make<kTiny>());
  for (const uintptr_t block : blocks) free(reinterpret_cast<void*>(block));
  uintptr_t last = 0, p = 0;
  for (int i = 0; i < 2000; i++) last = reinterpret_cast<uintptr_t>(make<kTiny>());
  for (const uintptr_t block : blocks)
    if (block >> 16 == last >> 16 && block > p) p = block;
  announce(reinterpret_cast<void*>(p), reinterpret_cast<void*>(p));
  free(opaque(reinterpret_cast<void*>(p)));
  touch(reinterpret_cast<void*>(p));
}

// ---- sizes and alignments that don't fit -------------------------------------------------------------------------

template <size_t kBytes, size_t kSaid>
void sized_delete_wrong() {
  void* const p = opaque(::operator new(kBytes));
  announce(p, p);
  ::operator delete(opaque(p), kSaid);
  touch(p);
}

// Another thread's delete leaves the fast path, and is looked at there.
template <size_t kBytes, size_t kSaid>
void sized_delete_wrong_in_thread() {
  OtherThread other;
  char* const p = static_cast<char*>(opaque(::operator new(kBytes)));
  announce(p, p);
  other.run(
      [](char* p) {
        ::operator delete(opaque(p), kSaid);
        touch(p);
      },
      p);
}

void sized_array_delete_wrong() {
  void* const p = opaque(::operator new[](kTiny));
  announce(p, p);
  ::operator delete[](opaque(p), size_t{kMid});
  touch(p);
}

void free_sized_wrong() {
  char* const p = make<kTiny>();
  announce(p, p);
  if (free_sized != nullptr) free_sized(opaque(p), 1000);
  touch(p);
}

// A block of 64 bytes that isn't aligned to a page.
void* make_unaligned() {
  void* block;
  do block = ::operator new(kTiny);
  while (reinterpret_cast<uintptr_t>(block) % 4096 == 0);
  return opaque(block);
}

void aligned_delete_wrong() {
  void* const p = make_unaligned();
  announce(p, p);
  ::operator delete (opaque(p), std::align_val_t{4096});
  touch(p);
}

void free_aligned_sized_wrong() {
  void* const p = opaque(aligned_alloc(64, kTiny));
  announce(p, p);
  if (free_aligned_sized != nullptr) free_aligned_sized(opaque(p), 64, 1000);
  touch(p);
}

// ---- what was written to after it was freed ----------------------------------------------------------------------

void write_to_freed() {
  constexpr size_t kCount = 2000;
  static void* blocks[kCount];
  for (void*& block : blocks) block = opaque(malloc(100));
  for (size_t i = 0; i < kCount; i++)
    if (i % 300 != 0) free(blocks[i]);
  auto* const p = static_cast<uintptr_t*>(blocks[400]);  // its slab keeps a few blocks
  announce(p, p);
  *opaque(p) += 8;
  malloc_trim(0);
}

// ---- realloc and malloc_usable_size ------------------------------------------------------------------------------

void realloc_static() {
  char* const p = opaque(g_static + 16);
  announce(p);
  touch(realloc(p, opaque(size_t{500})));
}

void realloc_mapping() {
  char* const p = make_mapping();
  announce(p);
  touch(realloc(p, opaque(size_t{500})));
}

void realloc_unused() {
  char* const p = make_unused();
  announce(p);
  touch(realloc(p, opaque(size_t{500})));
}

template <size_t kBytes, size_t kInside>
void realloc_interior() {
  char* const block = make<kBytes>();
  char* const p = plus(block, kInside);
  announce(p, block);
  touch(realloc(opaque(p), opaque(kBytes * 3)));
}

template <size_t kBytes>
void realloc_freed() {
  char* const neighbour = make<kBytes>();
  char* const p = make<kBytes>();
  announce(p, p);
  free(opaque(p));
  touch(realloc(opaque(p), opaque(kBytes * 3)));
  free(neighbour);
}

void usable_size_of_static() {
  char* const p = opaque(g_static + 16);
  announce(p);
  if (malloc_usable_size(p) != 0) _Exit(9);
}

void usable_size_of_unused() {
  char* const p = make_unused();
  announce(p);
  if (malloc_usable_size(p) != 0) _Exit(9);
}

}  // namespace

#define HAK_TIER(tier) ", a " tier " block of %u bytes"

const Case kCases[] = {
    {"free-stack", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_stack},
    {"free-static", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_static},
    {"free-function", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_function},
    {"free-mapping", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_mapping},
    {"free-16", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_address<16>},
    {"free-minus-1", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_address<UINTPTR_MAX>},
    {"free-not-canonical", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_address<0xdeadbeefdeadbee0>},
    {"free-static-in-thread", Seen::always, "free of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     free_static_in_thread},
    {"delete-static", Seen::always, "(operator delete|free) of %p, which is not hakmem's memory; called at %@",
     "foreign-pointer", delete_static},
    {"sized-delete-static", Seen::always, "(operator delete|free) of %p, which is not hakmem's memory; called at %@",
     "foreign-pointer", sized_delete_static},
    {"free-unused", Seen::always, "free of %p, which is not allocated; called at %@", "never-allocated", free_unused},

    {"free-interior-large", Seen::always, "free of %p, 16 bytes into a large block of %u bytes at %s; called at %@",
     "interior-pointer", free_interior<kLarge, 16>},
    {"free-interior-large-unit", Seen::always,
     "free of %p, 65536 bytes into a large block of %u bytes at %s; called at %@", "interior-pointer",
     free_interior<kLarge, 65536>},
    {"free-interior-big", Seen::always, "free of %p, 4096 bytes into a big block of %u bytes at %s; called at %@",
     "interior-pointer", free_interior<kBig, 4096>},
    {"free-interior-big-unit", Seen::always,
     "free of %p, 1048576 bytes into a big block of %u bytes at %s; called at %@", "interior-pointer",
     free_interior<kBig, 1048576>},
    {"free-interior-tiny-in-thread", Seen::always,
     "free of %p, 16 bytes into a tiny block of %u bytes at %s; called at %@", "interior-pointer",
     free_interior_in_thread<kTiny, 16>},
    {"free-interior-odd-in-thread", Seen::always,
     "free of %p, 3 bytes into a tiny block of %u bytes at %s; called at %@", "interior-pointer",
     free_interior_in_thread<kTiny, 3>},
    {"free-interior-mid-in-thread", Seen::always,
     "free of %p, 100 bytes into a mid block of %u bytes at %s; called at %@", "interior-pointer",
     free_interior_in_thread<kMid, 100>},
    {"free-interior-tiny", Seen::hardened, "free of %p, 16 bytes into a tiny block of %u bytes at %s; called at %@",
     "interior-pointer", free_interior<kTiny, 16>},
    {"free-interior-mid", Seen::hardened, "free of %p, 100 bytes into a mid block of %u bytes at %s; called at %@",
     "interior-pointer", free_interior<kMid, 100>},

    {"free-twice-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@", "double-free",
     free_twice<kTiny>},
    {"free-twice-mid", Seen::always, "double free of %p" HAK_TIER("mid") "; freed at %@", "double-free",
     free_twice<kMid>},
    {"free-twice-large", Seen::always, "double free of %p" HAK_TIER("large") "; freed at %@", "double-free",
     free_twice<kLarge>},
    {"free-twice-big", Seen::always, "double free of %p" HAK_TIER("big") "; freed at %@", "double-free",
     free_twice<kBig>},
    {"delete-twice", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@", "double-free", delete_twice},
    {"sized-delete-twice", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@", "double-free",
     sized_delete_twice},
    {"free-here-then-in-thread-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "(; freed at %@)?",
     "double-free", free_here_then_in_thread<kTiny>},
    {"free-here-then-in-thread-mid", Seen::always, "double free of %p" HAK_TIER("mid") "(; freed at %@)?",
     "double-free", free_here_then_in_thread<kMid>},
    {"free-here-then-in-thread-large", Seen::always, "double free of %p" HAK_TIER("large") "; freed at %@",
     "double-free", free_here_then_in_thread<kLarge>},
    {"free-here-then-in-thread-big", Seen::always, "double free of %p" HAK_TIER("big") "; freed at %@", "double-free",
     free_here_then_in_thread<kBig>},
    {"free-twice-in-thread-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "(; freed at %@)?", "double-free",
     free_twice_in_thread<kTiny>},
    {"free-twice-in-thread-mid", Seen::always, "double free of %p" HAK_TIER("mid") "(; freed at %@)?", "double-free",
     free_twice_in_thread<kMid>},
    {"free-twice-in-thread-large", Seen::always, "double free of %p" HAK_TIER("large") "; freed at %@", "double-free",
     free_twice_in_thread<kLarge>},
    {"free-in-thread-then-here-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "(; freed at %@)?",
     "double-free", free_in_thread_then_here<kTiny, false>},
    {"free-in-thread-then-here-mid", Seen::always, "double free of %p" HAK_TIER("mid") "(; freed at %@)?",
     "double-free", free_in_thread_then_here<kMid, false>},
    {"free-in-thread-then-here-later-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@",
     "double-free", free_in_thread_then_here<kTiny, true>},
    {"free-in-thread-then-here-later-mid", Seen::always, "double free of %p" HAK_TIER("mid") "; freed at %@",
     "double-free", free_in_thread_then_here<kMid, true>},
    {"free-twice-while-the-owner-sleeps-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@",
     "double-free", free_twice_while_the_owner_sleeps<kTiny>},
    {"free-twice-while-the-owner-sleeps-mid", Seen::always, "double free of %p" HAK_TIER("mid") "; freed at %@",
     "double-free", free_twice_while_the_owner_sleeps<kMid>},
    {"free-twice-with-others-between-tiny", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@",
     "double-free", free_twice_with_others_between<kTiny>},
    {"free-twice-with-others-between-large", Seen::always, "double free of %p" HAK_TIER("large") "; freed at %@",
     "double-free", free_twice_with_others_between<kLarge>},
    {"free-twice-with-others-between-big", Seen::always, "double free of %p" HAK_TIER("big") "; freed at %@",
     "double-free", free_twice_with_others_between<kBig>},
    {"free-twice-in-a-slab-cut-anew", Seen::always, "double free of %p" HAK_TIER("tiny") "; freed at %@", "double-free",
     free_twice_in_a_slab_cut_anew},

    {"sized-delete-wrong-tiny", Seen::hardened,
     "operator delete of %p" HAK_TIER("tiny") ", but the caller says 200 bytes; called at %@", "size-mismatch",
     sized_delete_wrong<kTiny, 200>},
    {"sized-delete-wrong-mid", Seen::hardened,
     "operator delete of %p" HAK_TIER("mid") ", but the caller says 64 bytes; called at %@", "size-mismatch",
     sized_delete_wrong<kMid, 64>},
    {"sized-delete-wrong-tiny-in-thread", Seen::always,
     "operator delete of %p" HAK_TIER("tiny") ", but the caller says 200 bytes; called at %@", "size-mismatch",
     sized_delete_wrong_in_thread<kTiny, 200>},
    {"sized-delete-wrong-mid-in-thread", Seen::always,
     "operator delete of %p" HAK_TIER("mid") ", but the caller says 64 bytes; called at %@", "size-mismatch",
     sized_delete_wrong_in_thread<kMid, 64>},
    {"sized-delete-wrong-large", Seen::always,
     "operator delete of %p" HAK_TIER("large") ", but the caller says 64 bytes; called at %@", "size-mismatch",
     sized_delete_wrong<kLarge, 64>},
    {"sized-delete-wrong-large-larger", Seen::always,
     "operator delete of %p" HAK_TIER("large") ", but the caller says 3000000 bytes; called at %@", "size-mismatch",
     sized_delete_wrong<kLarge, kBig>},
    {"sized-delete-wrong-big", Seen::always,
     "operator delete of %p" HAK_TIER("big") ", but the caller says 300000 bytes; called at %@", "size-mismatch",
     sized_delete_wrong<kBig, kLarge>},
    {"sized-array-delete-wrong", Seen::hardened,
     "operator delete(\\[\\])? of %p" HAK_TIER("tiny") ", but the caller says 5000 bytes; called at %@",
     "size-mismatch", sized_array_delete_wrong},
    {"free-sized-wrong", Seen::always,
     "free_sized of %p" HAK_TIER("tiny") ", but the caller says 1000 bytes; called at %@", "size-mismatch",
     free_sized_wrong},
    {"aligned-delete-wrong", Seen::always,
     "operator delete of %p" HAK_TIER("tiny") ", but the caller says alignment 4096; called at %@",
     "alignment-mismatch", aligned_delete_wrong},
    {"free-aligned-sized-wrong", Seen::always,
     "free_(aligned_)?sized of %p" HAK_TIER("tiny") ", but the caller says 1000 bytes; called at %@", "size-mismatch",
     free_aligned_sized_wrong},

    {"write-to-freed", Seen::always, "corrupted free list at %p" HAK_TIER("tiny"), "corrupted-free-list",
     write_to_freed},

    {"realloc-static", Seen::always, "realloc of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     realloc_static},
    {"realloc-mapping", Seen::always, "realloc of %p, which is not hakmem's memory; called at %@", "foreign-pointer",
     realloc_mapping},
    {"realloc-unused", Seen::always, "realloc of %p, which is not allocated; called at %@", "never-allocated",
     realloc_unused},
    {"realloc-interior-tiny", Seen::always, "realloc of %p, 16 bytes into a tiny block of %u bytes at %s; called at %@",
     "interior-pointer", realloc_interior<kTiny, 16>},
    {"realloc-interior-large", Seen::always,
     "realloc of %p, 70000 bytes into a large block of %u bytes at %s; called at %@", "interior-pointer",
     realloc_interior<kLarge, 70000>},
    {"realloc-freed-tiny", Seen::always, "realloc of freed %p" HAK_TIER("tiny") "; called at %@", "freed-pointer",
     realloc_freed<kTiny>},
    {"realloc-freed-mid", Seen::always, "realloc of freed %p" HAK_TIER("mid") "; called at %@", "freed-pointer",
     realloc_freed<kMid>},
    {"realloc-freed-large", Seen::always, "realloc of freed %p" HAK_TIER("large") "; called at %@", "freed-pointer",
     realloc_freed<kLarge>},
    {"realloc-freed-big", Seen::always, "realloc of freed %p" HAK_TIER("big") "; called at %@", "freed-pointer",
     realloc_freed<kBig>},

    {"usable-size-of-static", Seen::always, "malloc_usable_size of %p, which is not hakmem's memory; called at %@",
     "foreign-pointer", usable_size_of_static, true},
    {"usable-size-of-unused", Seen::always, "malloc_usable_size of %p, which is not allocated; called at %@",
     "never-allocated", usable_size_of_unused, true},
};

const size_t kCaseCount = sizeof kCases / sizeof kCases[0];

}  // namespace hak::test
