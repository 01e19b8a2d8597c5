// The allocators to compare: those of the machine, those that the user names, and glibc's, which needs no library.
#pragma once

#include <string>
#include <vector>

namespace tool {

constexpr const char* kGlibc = "glibc";
constexpr const char* kHakmem = "hakmem";

struct Allocator {
  std::string name;
  std::string library;                      // absolute path; empty: the C library's own malloc
  std::vector<std::string> variables = {};  // VARIABLE=VALUE each, set for its runs only

  bool is_glibc() const { return library.empty(); }
};

struct AllocatorChoice {
  std::string hakmem;             // path of libhakmem.so
  std::vector<std::string> with;  // NAME=[VARIABLE=VALUE;]...PATH each
  std::string only;               // names with commas; empty: all
  std::string baseline = kGlibc;
};

/// The baseline first, then in the order of the table in allocators.cc, then those of `with`.
/// Throws Failure: kUsage for a name that is unknown or taken, kOwnFailure for a library that can't be preloaded.
std::vector<Allocator> choose_allocators(const AllocatorChoice& choice);

}  // namespace tool
