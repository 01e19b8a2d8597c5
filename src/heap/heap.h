// The allocator state of one thread. Its first page is what the fast paths and frees to other heaps touch; behind it
// lies what only slow paths use, so that a thread which allocates little touches one page.
//
// A heap belongs to one thread at a time; when that thread ends the heap is parked, whole, and a later thread adopts
// it. Heaps are never destroyed. Shared heaps (heap/shared.h) belong to who holds their lock. While the owner is
// elsewhere others may help (heap/section.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/list.h"
#include "base/size_class.h"
#include "hakmem/hakmem.h"
#include "heap/inbox.h"
#include "heap/outbox.h"
#include "heap/spans.h"
#include "os/lock.h"
#include "slab/partial.h"
#include "slab/slab.h"

namespace hak {

/// The stages that refill free lists; those after them serve large and big blocks only.
constexpr unsigned kListStages = HAKMEM_STAGE_SHARED + 1;

/// What a heap knows of one class, beyond its free list.
struct ClassHeap {
  Slab* current = nullptr;  // the slab that free[class] was taken from last
  PartialSlabs partial;
  List<Slab> empty;  // all blocks are back
  // handed   blocks that went from slabs to free lists, ever, less those that were put back unused
  // received blocks that other threads freed and that came in through the inbox
  // out      sum of the slabs' seen_off - released: blocks that are out of slabs, as of each slab's last look
  // peak     the most that `out` ever was
  uint64_t handed = 0, received = 0, out = 0, peak = 0;
  uint64_t refills[kListStages] = {};  // by the stage that served; their sum is the class's misses
};

// Where who goes through a heap's sparse slabs was when the owner came.
struct SparseWalk {
  bool has_seen_waiting = false;  // release_waiting() was there, or was ended: what it left is the next tick's
  unsigned size_class = 0;
  Slab* next = nullptr;  // partial then; null: the class is to be begun
};

enum class HeapState : uint8_t {
  owned,   // by a thread
  parked,  // its thread has ended; whoever holds the registry's lock may touch it
  shared,  // used under its own lock
  orphan,  // in a forked child: of a thread that stayed in the parent. A new thread adopts it when nothing is parked
};

struct Heap {
  // -- hot: one page ------------------------------------------------------------------------------------------
  Block* free[kClasses];  // what malloc pops: blocks of current slabs, or of shared ones while the heap is young
  Inbox inbox;
  alignas(kCacheLine) Outbox outbox;
  uint64_t remote_freed[kClasses];  // blocks of other heaps that this thread freed and posted
  uint64_t early_returns;           // frees of null
  uint32_t beats;                   // refills and events: the heartbeat's clock
  uint32_t young_bytes;             // taken from shared slabs
  // Written under the registry's lock; helpers and statistics read it as of some moment, relaxed.
  std::atomic<HeapState> state;
  // Owner and helpers exclude each other by these; heap/section.h has the protocol and its orders.
  std::atomic<bool> inside;    // written by the owner
  std::atomic<uint8_t> watch;  // written by the holder of `lock`
  os::Lock lock{os::Rank::heap};
  // KiB that the last helper had to leave in the inbox. Written by the lock's holder, read by who thinks of helping: a
  // guess, relaxed.
  std::atomic<uint32_t> left_kib;
  Heap* next_heap;  // all heaps, never shortened
  Heap* next_parked;

  // -- cold ---------------------------------------------------------------------------------------------------
  uint32_t empty_units;
  uint32_t empty_units_least;          // since release_unwanted() last looked: what nobody wanted for so long
  std::atomic<uint64_t> last_beat_ms;  // written by the owner; helpers see by it that it sleeps: relaxed
  // A helper has to go through the sparse slabs still: it had no time yet, or the owner came. Written by the lock's
  // holder; a guess: relaxed.
  std::atomic<bool> walk_left;
  uint8_t narrow_beats;  // heartbeats that found the list of `narrow`'s class empty
  uint8_t event_beats;   // heartbeats since a refill came between
  uint32_t noted_units;  // in the stacks of spans, when it was last looked (heap/idle_spans.h)
  SparseWalk walk;       // its place. The lock's holder's
  const Slab* narrow;    // at which the last heartbeat found its class's list empty
  uint32_t events;       // of slabs, and frees of spans that are as slow
  uint32_t events_seen;  // by the last heartbeat
  uint64_t next_unwanted_ms;
  uint64_t next_decay_ms;
  uint64_t carved_bytes;  // of all slabs: blocks that were ever handed out
  uint32_t slab_units;    // of all slabs, the empty ones included
  uint32_t steps_seen;    // of the outbox, by the last heartbeat
  uint64_t open_spans;    // bit c: class c of `spans` has room or spans

  // -- of heaps that hold more: helpers don't come here where the fields above say that there is nothing ----------
  ClassHeap classes[kClasses];  // by size: a thread of small blocks touches one page of them
  SpanStacks spans;
  uint64_t refills_seen[kClasses];  // the sum of a class's refills when flush_cold_lists() looked last
};
static_assert(offsetof(Heap, classes) <= 4104, "a thread that allocates little has one page of its heap in memory");
static_assert(offsetof(Heap, open_spans) + sizeof(uint64_t) <= 4096, "and who helps it brings no other");

inline HeapState state_of(const Heap& heap) { return heap.state.load(std::memory_order_relaxed); }
inline void set_state(Heap& heap, HeapState state) { heap.state.store(state, std::memory_order_relaxed); }

/// Never null: a thread without a heap sees the empty heap, whose lists are empty and which owns nothing.
/// Initial-exec: one load from the thread's block (ELF Handling for Thread-Local Storage, U. Drepper).
extern constinit __thread Heap* this_heap;
extern constinit Heap g_empty_heap;

inline bool is_real(const Heap* heap) { return heap != &g_empty_heap; }

}  // namespace hak
