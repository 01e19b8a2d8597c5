// Pages of the kernel as if they were larger, as on arm64 they can be 16 or 64 KiB: what is done by those is right for
// smaller ones too.
#pragma once

#include "os/memory.h"

namespace hak {

class [[nodiscard]] PretendedPages {
 public:
  explicit PretendedPages(size_t bytes) : real_(os::page_size()) {
    if (bytes > real_) os::g_page_bytes.store(bytes);
  }
  ~PretendedPages() { os::g_page_bytes.store(real_); }
  PretendedPages(const PretendedPages&) = delete;
  PretendedPages& operator=(const PretendedPages&) = delete;

 private:
  size_t real_;
};

}  // namespace hak
