// What libhakmem-witness.so wrote in the processes of a run, and whether it proves that an allocator was in use.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "compare/allocators.h"

namespace tool {

struct Judgement {
  std::string refusal;      // why it is not proven that the allocator was in use; empty: it is
  std::string malloc_file;  // the file that malloc was in, as the process that was started said
};

/// records: as the witness wrote them. started: the process that must be among them. Each process that speaks must have
/// its malloc and its free in the allocator's library.
Judgement judge(std::string_view records, pid_t started, const Allocator& allocator);

}  // namespace tool
