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

constexpr uint64_t kMany = 256;  // units in use

// All blocks that are out are in our hands. The owner can't be about to free one, and has no list with one.
bool is_all_back(const Batch& batch, Slab& s) { return int64_t{batch.count} == used_seen_by_helper(s); }

// What a helper does. The owner is outside its sections and may be on its fast paths.
Units release_returned(Heap& heap, map::Age age) {
  const Chain chain = take_returned(heap);
  if (chain.first == nullptr) {
    heap.left_kib.store(0, std::memory_order_relaxed);
    return {};
  }
  chain.for_each([&](const Batch& batch, Slab& s) {
    if (is_all_back(batch, s)) withdraw_slab(heap, s);
  });
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
  if (is_large) given += release_unused_currents(heap, age);
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

void go_on_with_walk(Heap& heap, Sparse which) {
  const bool is_first = which == Sparse::all && !heap.walk.has_seen_waiting;
  const bool done = (!is_first || release_waiting(heap)) && release_sparse(heap, which);
  heap.walk_left.store(!done, std::memory_order_relaxed);
}

bool has_walk_left(const Heap& heap) { return heap.walk_left.load(std::memory_order_relaxed); }

bool is_helpable(const Heap& heap) {
  const HeapState state = state_of(heap);
  return &heap != this_heap && (state == HeapState::owned || state == HeapState::parked);
}

// Does `help` on the heaps that `chosen` names, some at a time.
template <class Chosen, class Work>
void help_chosen(Chosen chosen, Work help, unsigned at_once = Helpers::kAtOnce) {
  Helpers helpers;
  for (Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap) {
    if (!is_helpable(*heap) || !chosen(*heap)) continue;
    helpers.add(*heap);
    if (helpers.count() >= at_once) helpers.run(help);
  }
  helpers.run(help);
}

bool any(const Heap&) { return true; }

bool has_slept_since(const Heap& heap, uint64_t since_ms) {
  return heap.last_beat_ms.load(std::memory_order_relaxed) < since_ms;
}

// Whether enough came in since the last helper was here that looking through all of it again is worth while.
bool promises(const Heap& heap, uint32_t waiting_kib, uint32_t least_kib) {
  const uint32_t left = heap.left_kib.load(std::memory_order_relaxed);
  const uint32_t wanted = left + left / 4 + least_kib;
  return waiting_kib >= (wanted < Inbox::kMostKib ? wanted : Inbox::kMostKib);
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
  Units given;
  help_chosen([](const Heap& heap) { return promises(heap, heap.inbox.waiting_kib(), kLeastKib); },
              [&given](Heap& heap) { given += release_returned(heap, map::Age::fresh); });
  return given;
}

Units help_all() {
  Units given;
  help_chosen(any, [&given](Heap& heap) {
    given += release_all(heap, map::Age::fresh);
    begin_walk(heap);
  });
  // Under the tick's lock, for which a fork waits. Who holds it goes on with what is left here.
  if (!g_tick_lock.try_lock()) return given;
  help_chosen(
      has_walk_left, [](Heap& heap) { go_on_with_walk(heap, Sparse::all); }, 1);
  g_tick_lock.unlock();
  return given;
}

// Twice over all heaps: what the first round posts from idle outboxes the second finds in inboxes.
Units help_idle(uint64_t now_ms, uint64_t tick_ms) {
  const uint64_t since_ms = os::ms_before(now_ms, tick_ms);
  const auto is_idle = [since_ms](const Heap& heap) { return has_slept_since(heap, since_ms); };
  help_chosen(is_idle, [](Heap& heap) { heap.outbox.post_all(heap); });
  Units given;
  help_chosen(any, [=, &given](Heap& heap) {
    if (!has_walk_left(heap)) begin_walk(heap);  // else the last one goes on
    given += is_idle(heap) ? release_all(heap, map::Age::aged) : release_of_owner_at_work(heap, now_ms, tick_ms);
  });
  help_on(now_ms, tick_ms);
  return given;
}

bool help_on(uint64_t now_ms, uint64_t tick_ms) {
  const uint64_t since_ms = os::ms_before(now_ms, tick_ms);
  const auto go_on = [since_ms](Heap& heap) {
    go_on_with_walk(heap, has_slept_since(heap, since_ms) ? Sparse::all : Sparse::cold);
  };
  help_chosen([](const Heap& heap) { return has_walk_left(heap) && !tick_is_wanted(); }, go_on, 1);
  for (const Heap* heap = first_heap(); heap != nullptr; heap = heap->next_heap)
    if (is_helpable(*heap) && has_walk_left(*heap)) return true;
  return false;
}

}  // namespace hak
