#include "heap/help.h"

#include "heap/idle_lists.h"
#include "heap/refill.h"
#include "heap/registry.h"
#include "heap/section.h"
#include "heap/shared.h"
#include "heap/span_room.h"
#include "heap/sparse.h"
#include "heap/tick_lock.h"
#include "os/clock.h"

namespace hak {
namespace {

#if defined(__x86_64__)
constexpr bool kStoresInOrder = true;  // others see a thread's stores in program order
#else
constexpr bool kStoresInOrder = false;
#endif

// Batches of an inbox, in a chain.
struct Chain {
  Block* first = nullptr;

  template <class Work>
  void for_each(Work work) const {
    for (Block* at = first; at != nullptr;) {
      Block* next = nullptr;
      const Batch batch = read_batch(at, &next);
      work(batch, slab_of(at));
      at = next;
    }
  }
};

// Takes what waits in an inbox. A batch that was posted twice makes the chain a circle, and one of which the owner freed a
// block has lost its links: that is reported, and the chain ends there. Source: R. P. Brent, An Improved Monte Carlo
// Factorization Algorithm, BIT 20, 1980: the circle.
Chain take_inbox(Heap& heap) {
  const Chain chain{heap.inbox.drain()};
  Block* waits = chain.first;
  Block* last = nullptr;
  uint32_t steps = 0;
  uint32_t most = 1;
  for (Block* at = chain.first; at != nullptr;) {
    Block* next = nullptr;
    const Batch batch = read_batch(at, &next);
    if (!may_be_batch(batch, next) || next == waits) [[unlikely]] {
      report_freed_too_often(at, &slab_of(at));
      if (batch.count != 0) pack_batch(batch, nullptr);
      else if (last != nullptr) pack_batch(read_batch(last, &next), nullptr);
      else return {};
      return chain;
    }
    if (++steps == most) {
      waits = next;
      most *= 2;
      steps = 0;
    }
    last = at;
    at = next;
  }
  return chain;
}

constexpr uint32_t kWorthTaking = 32, kWorthTakingOfMany = 4;
constexpr uint64_t kMany = 256;  // units in use

constexpr unsigned kMostReturned = (1u << 14) - 1;

// How many blocks of each slab wait: Slab::returned.
void count_returned(const Chain& chain) {
  chain.for_each([](const Batch&, Slab& s) { s.returned = 0; });
  chain.for_each([](const Batch& batch, Slab& s) { s.returned = (s.returned + batch.count) & kMostReturned; });
}

// All blocks that are out are in our hands. The owner can't be about to free one, and has no list with one.
bool is_all_back(Slab& s) { return s.returned == used_seen_by_helper(s); }

// Posts what isn't all back again, and takes the rest out of the chain. Of a slab that is all back the last batch met
// gives it up: `returned` counts down. Returns the units given back.
Units sort_out(Heap& heap, const Chain& chain, map::Age age) {
  Units given;
  Block* kept = nullptr;  // newest first, as they were
  Batch last;
  uint64_t kept_bytes = 0;
  Block* tail = nullptr;
  chain.for_each([&](const Batch& batch, Slab& s) {
    if (s.state == SlabState::leaving) {
      heap.classes[s.size_class].received += batch.count;
      s.returned = (s.returned - batch.count) & kMostReturned;
      if (s.returned != 0) return;
      given += Units{s.units};
      give_up_slab(heap, s, age);
      return;
    }
    if (tail == nullptr) kept = batch.first;
    else pack_batch(last, batch.first);
    tail = batch.first;
    last = batch;
    kept_bytes += uint64_t{batch.count} * s.block_bytes;
  });
  if (tail != nullptr) heap.inbox.post_again(kept, last, kept_bytes);
  heap.left_kib.store(tail != nullptr ? heap.inbox.waiting_kib() : 0, std::memory_order_relaxed);
  return given;
}

// The owner's last free wrote `freed` before the count by which we know that the slab is all back: on machines where
// that may arrive later, waits for it before the line is used anew.
void wait_for_stores() {
  if (!kStoresInOrder) os::barrier_all();
}

// What a helper does. The owner is outside its sections and may be on its fast paths.
Units release_returned(Heap& heap, map::Age age) {
  const Chain chain = take_inbox(heap);
  if (chain.first == nullptr) return {};
  count_returned(chain);
  bool any = false;
  chain.for_each([&](const Batch&, Slab& s) {
    if (s.state == SlabState::leaving || !is_all_back(s)) return;
    withdraw_slab(heap, s);
    any = true;
  });
  if (any) wait_for_stores();
  return sort_out(heap, chain, age);
}

Units release_all(Heap& heap, map::Age age) {
  const bool is_large = heap.slab_units >= units_worth_taking();
  if (is_large) post_mid_lists(heap);
  Units given = release_returned(heap, age);
  if (is_large) {
    wait_for_stores();
    given += release_unused_currents(heap, age);
  }
  given += Units{heap.empty_units};
  release_empty(heap, 0, age);
  given += release_spans(heap, age);
  close_rooms(heap, heap.open_spans);
  return given;
}

Units release_of_owner_at_work(Heap& heap, uint64_t now_ms, uint64_t tick_ms) {
  return release_returned(heap, map::Age::aged) + release_idle_spans(heap) + release_unwanted(heap, now_ms, tick_ms);
}

// Pages are looked for heap by heap: a walk takes long, and the owner of another heap needn't wait for it.
void begin_walk(Heap& heap) {
  heap.walk = {};
  heap.walk_left.store(heap.slab_units >= units_worth_taking(), std::memory_order_relaxed);
}

Units go_on_with_walk(Heap& heap, Sparse which) {
  heap.walk_left.store(!release_sparse(heap, which), std::memory_order_relaxed);
  return {};
}

bool has_walk_left(const Heap& heap) { return heap.walk_left.load(std::memory_order_relaxed); }

bool is_helpable(const Heap& heap) {
  const HeapState state = state_of(heap);
  return &heap != this_heap && (state == HeapState::owned || state == HeapState::parked);
}

// Does `help`, which returns the units it gave back, on the heaps that `chosen` names, some at a time.
template <class Chosen, class Work>
Units help_chosen(Chosen chosen, Work help, unsigned at_once = Helpers::kAtOnce) {
  Units given;
  Helpers helpers;
  const auto work = [&](Heap& heap) { given += help(heap); };
  for (Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    if (!is_helpable(*heap) || !chosen(*heap)) continue;
    helpers.add(*heap);
    if (helpers.count() >= at_once) helpers.run(work);
  }
  helpers.run(work);
  return given;
}

bool any(const Heap&) { return true; }

bool has_slept_since(const Heap& heap, uint64_t since_ms) {
  return heap.last_beat_ms.load(std::memory_order_relaxed) < since_ms;
}

// Whether enough came in since the last helper was here that looking through all of it again is worth while.
bool promises(const Heap& heap, uint32_t waiting_kib, uint32_t least_kib) {
  const uint32_t left = heap.left_kib.load(std::memory_order_relaxed);
  return waiting_kib >= left + left / 4 + least_kib;
}

}  // namespace

uint32_t units_worth_taking() { return map::used_units().n < kMany ? kWorthTaking : kWorthTakingOfMany; }

void help_owner(Heap& owner, uint32_t waiting_kib) {
  if (!is_helpable(owner) || !promises(owner, waiting_kib, kWaitsLongKib)) return;
  Helpers helpers;
  helpers.add(owner);
  helpers.run([](Heap& heap) { release_returned(heap, map::Age::fresh); });
}

Units help_before_growing() {
  constexpr uint32_t kLeastKib = 64;
  return help_chosen([](const Heap& heap) { return promises(heap, heap.inbox.waiting_kib(), kLeastKib); },
                     [](Heap& heap) { return release_returned(heap, map::Age::fresh); });
}

Units help_all() {
  const Units given = help_chosen(any, [](Heap& heap) {
    const Units units = release_all(heap, map::Age::fresh);
    begin_walk(heap);
    return units;
  });
  help_chosen(
      has_walk_left, [](Heap& heap) { return go_on_with_walk(heap, Sparse::all); }, 1);
  return given;
}

// Twice over all heaps: what the first round posts from idle outboxes the second finds in inboxes.
Units help_idle(uint64_t now_ms, uint64_t tick_ms) {
  const uint64_t since_ms = os::ms_before(now_ms, tick_ms);
  const auto is_idle = [since_ms](const Heap& heap) { return has_slept_since(heap, since_ms); };
  help_chosen(is_idle, [](Heap& heap) {
    heap.outbox.post_all(heap);
    return Units{0};
  });
  const Units given = help_chosen(any, [=](Heap& heap) {
    if (!has_walk_left(heap)) begin_walk(heap);  // else the last one goes on
    return is_idle(heap) ? release_all(heap, map::Age::aged) : release_of_owner_at_work(heap, now_ms, tick_ms);
  });
  help_on(now_ms, tick_ms);
  return given;
}

bool help_on(uint64_t now_ms, uint64_t tick_ms) {
  const uint64_t since_ms = os::ms_before(now_ms, tick_ms);
  const auto go_on = [since_ms](Heap& heap) {
    return go_on_with_walk(heap, has_slept_since(heap, since_ms) ? Sparse::all : Sparse::cold);
  };
  help_chosen([](const Heap& heap) { return has_walk_left(heap) && !tick_is_wanted(); }, go_on, 1);
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap)
    if (is_helpable(*heap) && has_walk_left(*heap)) return true;
  return false;
}

}  // namespace hak
