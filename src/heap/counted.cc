#include "heap/counted.h"

namespace hak {

constinit Counted g_counted;

const char* broken_counter_rule(const hakmem_statistics& derived) {
  if constexpr (!kCounters) return nullptr;
  for (unsigned c = 0; c < derived.class_count; c++) {
    const hakmem_class_stats& k = derived.classes[c];
    if (k.allocations != g_counted.allocations[c].load(std::memory_order_relaxed))
      return "statistics: the allocations that follow from lists are those that were counted";
    if (k.frees != g_counted.frees[c].load(std::memory_order_relaxed))
      return "statistics: the frees that follow from lists are those that were counted";
  }
  return nullptr;
}

}  // namespace hak
