// What hakmem says about a misuse of the interface: one table of errors, one line each, then the end of the process.
// Called by slow paths that have found something. Must not allocate or lock: the heap may be broken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hak {
class Text;
}

namespace hak::guard {

enum class Error : uint8_t {
  foreign_pointer,
  never_allocated,
  double_free,
  freed_pointer,
  interior_pointer,
  size_mismatch,
  alignment_mismatch,
  corrupted_free_list,
};

/// What the line says after the pointer about the block it is, or isn't.
enum class Subject : uint8_t {
  none,       // no block: only the pointer
  block,      // ", a tiny block of 64 bytes"
  interior,   // ", 16 bytes into a tiny block of 64 bytes at 0x..."
  size,       // as block, then ", but the caller says N bytes"
  alignment,  // as block, then ", but the caller says alignment N"
};

struct ErrorText {
  Error error;
  std::string_view slug;  // the section of docs/errors.md
  std::string_view what;  // before the pointer; %f stands for the called function
  std::string_view why;   // after the pointer, where the subject doesn't say it
  Subject subject;
  std::string_view at;  // before the calling site
};

inline constexpr ErrorText kErrors[] = {
    // by Error
    {Error::foreign_pointer, "foreign-pointer", "%f of ", ", which is not hakmem's memory", Subject::none, "called"},
    {Error::never_allocated, "never-allocated", "%f of ", ", which is not allocated", Subject::none, "called"},
    {Error::double_free, "double-free", "double free of ", "", Subject::block, "freed"},
    {Error::freed_pointer, "freed-pointer", "%f of freed ", "", Subject::block, "called"},
    {Error::interior_pointer, "interior-pointer", "%f of ", "", Subject::interior, "called"},
    {Error::size_mismatch, "size-mismatch", "%f of ", "", Subject::size, "called"},
    {Error::alignment_mismatch, "alignment-mismatch", "%f of ", "", Subject::alignment, "called"},
    {Error::corrupted_free_list, "corrupted-free-list", "corrupted free list at ", "", Subject::block, "found"},
};
constexpr size_t kErrorCount = sizeof kErrors / sizeof kErrors[0];

constexpr bool errors_are_in_order() {
  for (size_t i = 0; i < kErrorCount; ++i)
    if (static_cast<size_t>(kErrors[i].error) != i) return false;
  return static_cast<size_t>(Error::corrupted_free_list) + 1 == kErrorCount;
}
static_assert(errors_are_in_order(), "kErrors is indexed by Error and complete");

/// The section of docs/errors.md on running out of memory where no exception can be thrown.
constexpr std::string_view kOutOfMemorySlug = "out-of-memory";

/// A misuse as the finder knows it.
struct Misuse {
  Error error;
  const void* pointer;          // as it was passed
  std::string_view function;    // that was called: "free", "realloc", "operator delete"; static
  const void* site = nullptr;   // return address of that call; null: not known
  uint32_t tier = 0;            // enum hakmem_tier of the block; 0: not known, the line says "a block"
  size_t block_bytes = 0;       // its usable size; 0: not known
  const void* start = nullptr;  // interior pointers: where the block begins
  size_t said = 0;              // mismatches: the size or alignment that the caller passed
};

/// The most bytes that add_misuse adds: a line fits a buffer of this size.
constexpr size_t kLineMost = 512;

/// Prints one line such as
///   hakmem: double free of 0x7f12a4c01040, a tiny block of 64 bytes; freed at server+0x1c40; see docs/errors.md, double-free
/// then aborts; returns where HAKMEM_MISUSE=report: the caller then ignores the call.
/// Keeps errno. Threads: any; async-signal-safe, whatever locks are held. Source: writev(2), abort(3).
[[gnu::cold, gnu::noinline]] void report_misuse(const Misuse& misuse);

/// Prints that `bytes` could not be had by `function` ("operator new") in a program without the C++ runtime, where
/// std::bad_alloc can't be thrown, then aborts.
[[noreturn, gnu::cold, gnu::noinline]] void die_out_of_memory(std::string_view function, size_t bytes,
                                                              const void* site);

/// Adds the line, without "hakmem: " and newline; for report_misuse and its tests.
void add_misuse(Text& out, const Misuse& misuse);

}  // namespace hak::guard
