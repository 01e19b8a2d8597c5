// How a function of the allocation interface says that there is no memory.
#pragma once

#include <cerrno>

namespace hak {

/// Returns null, with errno = ENOMEM.
inline void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace hak
