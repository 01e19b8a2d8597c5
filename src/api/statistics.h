// The statistics now, in memory of their own: they are too large for a small stack, and malloc isn't for us.
#pragma once

#include <string_view>

#include "heap/statistics.h"
#include "os/memory.h"

namespace hak::api {

/// Tests false where the system gave no memory for them.
class Statistics {
 public:
  Statistics() : stats_(static_cast<hakmem_statistics*>(os::map(sizeof *stats_))) {
    if (stats_ != nullptr) collect_statistics(stats_);
  }
  ~Statistics() {
    if (stats_ != nullptr) os::unmap(stats_, sizeof *stats_);
  }
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;

  explicit operator bool() const { return stats_ != nullptr; }
  const hakmem_statistics& operator*() const { return *stats_; }
  const hakmem_statistics* operator->() const { return stats_; }

 private:
  hakmem_statistics* stats_;
};

}  // namespace hak::api
