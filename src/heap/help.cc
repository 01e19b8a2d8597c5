#include "heap/help.h"

#include "heap/idle_lists.h"
#include "heap/refill.h"
#include "heap/registry.h"
#include "heap/returned.h"
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

constexpr uint32_t kWorthTaking = 32, kWorthTakingOfMany = 4;
constexpr uint64_t kMany = 256;  // units in use

// All blocks that are out are in our hands. The owner can't be about to free one, and has no list with one.
bool is_all_back(const Batch& batch, Slab& s) { return int64_t{batch.count} == used_seen_by_helper(s); }

// The owner's last free wrote `freed` before the count by which we know that the slab is all back: on machines where
// that may arrive later, waits for it before the line is used anew.
void wait_for_stores() {
  if (!kStoresInOrder) os::barrier_all();
}

// What a helper does. The owner is outside its sections and may be on its fast paths.
Units release_returned(Heap& heap, map::Age age) {
  const Chain chain = take_returned(heap);
  if (chain.first == nullptr) return {};
  bool any = false;
  chain.for_each([&](const Batch& batch, Slab& s) {
    if (!is_all_back(batch, s)) return;
    withdraw_slab(heap, s);
    any = true;
  });
  if (any) wait_for_stores();
  Units given;
  WaitingOn waiting;
  chain.for_each([&](const Batch& batch, Slab& s) {
    if (s.state != SlabState::leaving) return waiting.add(batch, s);
    heap.classes[s.size_class].received += batch.count;
    given += Units{s.units};
    give_up_slab(heap, s, age);
  });
  waiting.post(heap);
  return given;
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
  const bool is_first = which == Sparse::all && !heap.walk.has_seen_waiting;
  const bool done = (!is_first || release_waiting(heap)) && release_sparse(heap, which);
  heap.walk_left.store(!done, std::memory_order_relaxed);
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
  // Under the tick's lock, for which a fork waits. Who holds it goes on with what is left here.
  if (!g_tick_lock.try_lock()) return given;
  help_chosen(
      has_walk_left, [](Heap& heap) { return go_on_with_walk(heap, Sparse::all); }, 1);
  g_tick_lock.unlock();
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
