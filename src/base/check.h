// Checks that only a debug build pays for: a broken rule is named on stderr and the process stops there.
// Called by all of src/. Must not allocate, lock or include anything above libc.
#pragma once

#include <unistd.h>

namespace hak {

#ifndef HAKMEM_DEBUG
#define HAKMEM_DEBUG 0
#endif

constexpr bool kDebug = HAKMEM_DEBUG != 0;  // the one place where the build flag is read

/// Prints "hakmem: broken rule: WHAT" to stderr and traps; all builds. `what`: the rule as a sentence, static.
/// Errors: none, never returns. Threads: any; async-signal-safe. Source: write(2).
[[noreturn, gnu::cold, gnu::noinline]] inline void check_failed(const char* what) {
  const auto say = [](const char* text) {
    const ssize_t ignored = ::write(STDERR_FILENO, text, __builtin_strlen(text));
    static_cast<void>(ignored);
  };
  say("hakmem: broken rule: ");
  say(what);
  say("\n");
  __builtin_trap();
}

/// Stops the process in a debug build when `ok` is false; nothing otherwise. `ok` is computed in every build: put
/// what is expensive under `if constexpr (kDebug)`.
constexpr void debug_check(bool ok, const char* what) {
  if constexpr (kDebug) {
    if (!ok) [[unlikely]]
      check_failed(what);
  }
}

}  // namespace hak
