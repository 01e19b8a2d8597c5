#include "heap/returned.h"

#include "heap/refill.h"

namespace hak {
namespace {

// A batch that was posted twice makes the chain a circle, and one of which the owner freed a block has lost its links:
// that is reported, and the chain ends there. Source: R. P. Brent, An Improved Monte Carlo Factorization Algorithm,
// BIT 20, 1980: the circle.
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

Block* block_at(const Slab& s, uint32_t granule) {
  return reinterpret_cast<Block*>(start_of(s) + (uint64_t{granule} << kTinyShift));
}

// Slab::returned while batches are joined: the first block of the slab's batch, by its number + 1.
Block* batch_met_before(const Slab& s) {
  return reinterpret_cast<Block*>(start_of(s) + (s.returned - uint64_t{1}) * s.block_bytes);
}

// Puts the blocks of `more` behind the first one of `first`'s batch, both of `s`.
void join(const Slab& s, Block* first, const Batch& more) {
  Block* next_batch = nullptr;
  Batch whole = unpack_batch(first, &next_batch);
  Block* const last = block_at(s, more.last_granule);
  more.first->next = unpack_block(reinterpret_cast<uint64_t>(more.first->next));
  more.first->mark = reinterpret_cast<uintptr_t>(&s);
  last->next = first->next;
  first->next = more.first;
  if (whole.count == 1) whole.last_granule = more.last_granule;
  whole.count += more.count;
  pack_batch(whole, next_batch);
}

void chain_behind(Block* last, Block* next) {
  Block* before = nullptr;
  pack_batch(read_batch(last, &before), next);
}

}  // namespace

Chain take_returned(Heap& heap) {
  const Chain chain = take_inbox(heap);
  chain.for_each([](const Batch&, Slab& s) { s.returned = 0; });
  Block* last = nullptr;
  chain.for_each([&last](const Batch& batch, Slab& s) {
    if (s.returned != 0) return join(s, batch_met_before(s), batch);
    s.returned = (block_index(s.reciprocal, offset_in(s, batch.first)) + 1) & kMostReturned;
    if (last != nullptr) chain_behind(last, batch.first);
    last = batch.first;
  });
  if (last != nullptr) chain_behind(last, nullptr);
  return chain;
}

void WaitingOn::add(const Batch& batch, Slab& s) {
  if (first_ == nullptr) first_ = batch.first;
  else pack_batch(last_, batch.first);
  last_ = batch;
  bytes_ += uint64_t{batch.count} * s.block_bytes;
  s.returned = batch.count & kMostReturned;
}

void WaitingOn::post(Heap& heap) {
  if (first_ != nullptr) heap.inbox.post_again(first_, last_, bytes_);
  heap.left_kib.store(first_ != nullptr ? heap.inbox.waiting_kib() : 0, std::memory_order_relaxed);
}

}  // namespace hak
