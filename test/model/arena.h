// Memory for the model itself, straight from the kernel: the oracle must not allocate from what it judges.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

namespace hak::test {

/// Zeroed memory for `count` objects, never given back.
template <class T>
T* from_kernel(size_t count) {
  void* const at =
      mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    perror("model: mmap");
    _Exit(2);
  }
  return static_cast<T*>(at);
}

/// One bump pointer with a free list per size, for std containers. One thread at a time.
class Arena {
 public:
  void* take(size_t bytes) {
    const size_t k = (bytes + 15) / 16;
    if (k < kLists && lists_[k] != nullptr) {
      Node* const node = lists_[k];
      lists_[k] = node->next;
      return node;
    }
    if (at_ == nullptr) at_ = from_kernel<char>(kBytes);
    if (used_ + k * 16 > kBytes) {
      fputs("model: its arena is full\n", stderr);
      _Exit(2);
    }
    void* const p = at_ + used_;
    used_ += k * 16;
    return p;
  }

  void give(void* p, size_t bytes) {
    const size_t k = (bytes + 15) / 16;
    if (k >= kLists) return;  // a grown vector's old buffer: lost
    Node* const node = static_cast<Node*>(p);
    node->next = lists_[k];
    lists_[k] = node;
  }

 private:
  struct Node {
    Node* next;
  };
  static constexpr size_t kBytes = size_t{1} << 30;  // address range; only what is used is resident
  static constexpr size_t kLists = 64;
  char* at_ = nullptr;
  size_t used_ = 0;
  Node* lists_[kLists] = {};
};

inline Arena g_arena;

template <class T>
struct ArenaAllocator {
  using value_type = T;
  ArenaAllocator() = default;
  template <class U>
  ArenaAllocator(const ArenaAllocator<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(g_arena.take(n * sizeof(T))); }
  void deallocate(T* p, size_t n) { g_arena.give(p, n * sizeof(T)); }
  bool operator==(const ArenaAllocator&) const { return true; }
};

template <class T>
using ArenaVector = std::vector<T, ArenaAllocator<T>>;
template <class K, class V>
using ArenaMap = std::map<K, V, std::less<K>, ArenaAllocator<std::pair<const K, V>>>;

}  // namespace hak::test
