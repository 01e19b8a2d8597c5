// The settings of the process: one member per option, read everywhere, written once before the first thread starts.
// The table of options (options.h) says what each means, its default and its range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hak::conf {

constexpr uint64_t kOff = ~uint64_t{0};  // the value of `off`: never

/// A text option's value, kept here because programs overwrite their environment (setproctitle).
struct ShortText {
  static constexpr size_t kMost = 255;
  char bytes[kMost] = {};
  uint8_t size = 0;

  constexpr std::string_view view() const { return {bytes, size}; }
  constexpr bool empty() const { return size == 0; }
};

/// What happens after a misuse of the interface has been reported.
enum class OnMisuse : uint8_t {
  abort,   // the process ends there
  report,  // the call is ignored, the process goes on
};

/// Every member has its row in kOptions, from which its default comes: `defaults()`, never `Config{}`.
struct Config {
  bool background;
  ShortText cgroup;
  uint64_t crowd;
  uint64_t decay_ms;  // kOff: never
  ShortText fault;
  bool help;
  uint64_t huge_from_bytes;  // kOff: never
  uint64_t limit_bytes;      // 0: none
  bool limit_hard;
  uint64_t limit_share;  // per cent of the cgroup's; 0: none
  OnMisuse misuse;
  uint64_t price;  // of memory: µs of page faults for a MiB and second
  bool stats;
  ShortText stats_file;
  bool tiny_use_superslab;
  bool verbose;
  uint64_t window_bytes;
};

// Written by load() before any other thread exists, read by all.
extern constinit Config g_config;

inline const Config& config() { return g_config; }

}  // namespace hak::conf
