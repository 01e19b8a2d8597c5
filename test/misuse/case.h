// A misuse as data: what is done, and the whole line that hakmem has to say about it. misuse.cc runs each in a process
// of its own.
#pragma once

#include <cstddef>

namespace hak::test {

/// Which build can see it.
enum class Seen {
  always,    // the slow path meets it, or one compare on the fast path
  hardened,  // only libhakmem-secure.so: in the default build these stay on fast paths, which carry no check for them
};

/// What the expected line is written with; case functions tell the runner where the pointers were.
///   %p      the pointer that was misused            %s  the block it lies in
///   %u      the block's usable size                 %@  the place of the call: this program and an offset
struct Case {
  const char* name;
  Seen seen;
  const char* line;  // after "hakmem: ", before "; see docs/errors.md, SECTION"; a regular expression
  const char* section;
  void (*commit)();             // goes on after it, where HAKMEM_MISUSE=report
  bool silent_allowed = false;  // hakmem may also take the call as harmless
};

extern const Case kCases[];
extern const size_t kCaseCount;

/// Called by a case before the misuse: tells the runner the pointer, and the block where there is one.
void announce(const void* pointer, const void* block = nullptr);

}  // namespace hak::test
