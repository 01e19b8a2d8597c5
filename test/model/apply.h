// Runs a program of operations in this process and compares with the oracle. A difference ends the process (fail()).
#pragma once

#include "model/operation.h"

namespace hak::test {

void apply(const Program& program);

/// The operation that the calling thread is at, for a report; null: none.
extern thread_local const Operation* t_operation;

}  // namespace hak::test
