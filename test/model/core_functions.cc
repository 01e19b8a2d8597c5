// src/ without api/, beside the process's own malloc: so that address and thread sanitizers see the allocator's code at
// work, and its invariants can be walked.
#include <atomic>
#include <cerrno>

#include "base/sanitizer.h"
#include "heap/allocate.h"
#include "heap/blocks.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/statistics.h"
#include "model/functions.h"

namespace hak::test {

namespace {

// By class; each exact by itself, and read when all threads are at rest: relaxed.
struct Counts {
  std::atomic<uint64_t> allocations, frees_local, frees_remote;
};
Counts g_counts[HAKMEM_CLASSES_MAX];

void add_one(std::atomic<uint64_t>& count) { count.fetch_add(1, std::memory_order_relaxed); }

// A live block: its class and, of a tiny or mid one, whose slab it lies in. Large and big blocks are every thread's own.
class Seen {
 public:
  explicit Seen(const void* p) {
    const Found found = find(p);
    owner_ = found.slab != nullptr ? found.slab->heap : nullptr;
    size_class_ = found.slab != nullptr ? found.slab->size_class : kClasses + found.span->span_class;
  }
  bool is_class_of(const Seen& other) const { return size_class_ == other.size_class_; }
  void count_allocation() const { add_one(g_counts[size_class_].allocations); }
  // After the free, by which the thread may have got a heap.
  void count_free() const {
    Counts& counts = g_counts[size_class_];
    add_one(owner_ == nullptr || owner_ == this_heap ? counts.frees_local : counts.frees_remote);
  }

 private:
  const Heap* owner_;
  size_t size_class_;
};

void* counted(void* p) {
  if (p != nullptr) Seen(p).count_allocation();
  return p;
}

template <class Free>
void free_counted(void* p, Free free) {
  if (p == nullptr) return free();
  const Seen block(p);
  free();
  block.count_free();
}

void* zeroed_product(size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes)) return counted(allocate_zeroed(bytes));
  errno = ENOMEM;
  return nullptr;
}

int stats(hakmem_statistics* out, size_t) {
  collect_statistics(out);
  return 0;
}

size_t purge(size_t keep) { return start_process() ? reclaim(Bytes{keep}).n : 0; }

}  // namespace

void* call_malloc(size_t n) { return counted(allocate(n)); }
void* call_calloc(size_t n) { return zeroed_product(n, 1); }

// A block that becomes one of another class was freed and another allocated, wherever it lies then.
void* call_realloc(void* p, size_t n) {
  if (p == nullptr) return counted(allocate(n));
  if (n == 0) {
    free_counted(p, [p] { free_fast(p); });
    return nullptr;
  }
  const Seen before(p);
  void* const to = reallocate(p, n);
  if (to == nullptr || (to == p && Seen(to).is_class_of(before))) return to;
  before.count_free();
  return counted(to);
}

void* call_reallocarray(void* p, size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes)) return call_realloc(p, bytes);
  errno = ENOMEM;
  return nullptr;
}

void* call_memalign(size_t a, size_t n) { return counted(allocate_aligned(a, n)); }
void* call_aligned_alloc(size_t a, size_t n) { return counted(allocate_aligned(a, n)); }
void* call_posix_memalign(size_t a, size_t n) { return counted(allocate_aligned(a, n)); }
void* call_valloc(size_t n) { return call_memalign(4096, n); }
void* call_pvalloc(size_t n) {
  return n > SIZE_MAX - 4095 ? call_reallocarray(nullptr, n, n) : call_memalign(4096, (n + 4095) & ~size_t{4095});
}
void* call_new(size_t n) { return counted(allocate(n)); }
void* call_new_array(size_t n) { return counted(allocate(n)); }
void* call_new_nothrow(size_t n) { return counted(allocate(n)); }
void* call_new_aligned(size_t a, size_t n) { return counted(allocate_aligned(a, n)); }

namespace {

void free_plain(void* p, Family family, size_t a) {
  if (family == Family::new_aligned) return free_with_alignment(p, a);
  free_fast(p);
}

void free_sized(void* p, Family family, size_t n, size_t a) {
  switch (family) {
    case Family::c:
    case Family::c_aligned:
      return free_with_size(p, n);
    case Family::c_other:
      return free_fast(p);
    case Family::new_plain:
    case Family::new_array:
      return free_sized_fast(p, n);
    case Family::new_aligned:
      return free_with_alignment(p, a);
  }
}

}  // namespace

void call_free(void* p, Family family, size_t a) {
  free_counted(p, [=] { free_plain(p, family, a); });
}
void call_free_sized(void* p, Family family, size_t n, size_t a) {
  free_counted(p, [=] { free_sized(p, family, n, a); });
}

size_t call_usable_size(void* p) { return usable_size(p); }
void call_trim() { purge(0); }

void call_reports() {
  static thread_local hakmem_statistics out;
  collect_statistics(&out);
}

hakmem_block (*find_block_info())(const void*) { return inspect; }
int (*find_stats())(hakmem_statistics*, size_t) { return stats; }
size_t (*find_purge())(size_t) { return purge; }

bool read_calls(Calls* classes) {
  for (const Counts& counts : g_counts)
    *classes++ = {counts.allocations.load(std::memory_order_relaxed),
                  counts.frees_local.load(std::memory_order_relaxed),
                  counts.frees_remote.load(std::memory_order_relaxed)};
  return true;
}

const char* broken_rule() { return broken_heap_rule(); }
bool under_thread_sanitizer() { return kThreadSanitizer; }

}  // namespace hak::test
