// A heap's partial slabs of one class, by how full they are, so that a refill takes from the fullest and the emptiest
// are left to empty. The owning heap's; called by heap/.
//
// Fill 0 is the fullest. A slab's countdown is set so that its next event comes when it belongs on the next list. Slabs
// with few blocks are sorted once, when they are listed: an event every other free would cost more than it finds.
#pragma once

#include <cstdint>

#include "base/list.h"
#include "slab/slab.h"

namespace hak {

class PartialSlabs {
 public:
  /// Lists a slab that is on no list, by its used blocks, and sets its next event.
  void add(Slab& s) {
    const unsigned fill = fill_of(s);
    s.state = SlabState::partial;
    s.fill = fill & (kFills - 1);
    by_fill_[fill].push(&s);
    set_floor(s, next_floor(s, fill));
  }

  void remove(Slab& s) { by_fill_[s.fill].remove(&s); }

  /// The fullest, taken off its list; null when there is none.
  Slab* take() {
    for (List<Slab>& list : by_fill_)
      if (Slab* const s = list.pop()) return s;
    return nullptr;
  }

  /// The same, left where it is.
  const Slab* fullest() const {
    for (const List<Slab>& list : by_fill_)
      if (list.head != nullptr) return list.head;
    return nullptr;
  }

  template <class Visit>
  void for_each(Visit visit) const {
    visit_while(nullptr, [&visit](Slab& s) { return visit(s), true; });
  }

  /// From one that is listed, or from the first, until `visit` returns false; whether it never did.
  template <class Visit>
  bool visit_while(Slab* from, Visit visit) const {
    for (unsigned fill = from != nullptr ? from->fill : 0; fill < kFills; fill++) {
      for (Slab* s = from != nullptr ? from : by_fill_[fill].head; s != nullptr; s = s->next)
        if (!visit(*s)) return false;
      from = nullptr;
    }
    return true;
  }

  /// How many blocks of a full slab must be freed before it is worth a place on a list.
  static uint32_t worth_listing(const Slab& s) { return s.blocks < 64 ? 1 : s.blocks / 32; }

 private:
  static constexpr unsigned kFills = 4;
  static constexpr uint32_t kFewBlocks = 64;

  static unsigned fill_of(const Slab& s) {
    const uint32_t quarter = used_blocks(s) * kFills / s.blocks;
    return quarter >= kFills ? 0 : kFills - 1 - quarter;
  }

  static uint32_t next_floor(const Slab& s, unsigned fill) {
    if (s.blocks < kFewBlocks || fill == kFills - 1) return 0;
    // One below the lower edge of this quarter: fill_of() then says the next.
    return (s.blocks * (kFills - 1 - fill) + kFills - 1) / kFills - 1;
  }

  List<Slab> by_fill_[kFills];
};

}  // namespace hak
