// The loads that limits_test.cc runs under resource limits, refusals and tools: each is one mode of one program, so
// that the process that is measured holds nothing but the load and the allocator.
#pragma once

#include <cstdint>

namespace hak::test {

struct Load {
  const char* name;
  const char* arguments;                  // what they mean
  int (*run)(const uint64_t* arguments);  // the process's status: 0 is good
};

constexpr int kMostArguments = 4;

extern const Load kLimitLoads[];    // limit_loads.cc: until there is no more
extern const Load kMemoryLoads[];   // memory_loads.cc: how much is resident
extern const Load kRefusalLoads[];  // refusal_loads.cc: everything at once, with null for an answer

/// Prints "name value"; the runner looks values up by name.
void say(const char* name, uint64_t value);

/// Prints what was wrong and gives the status for it.
int wrong(const char* what);

}  // namespace hak::test
