#include "heap/heap.h"

namespace hak {

constinit Heap g_empty_heap{};
constinit __thread Heap* this_heap = &g_empty_heap;

}  // namespace hak
