// hakmem's own C interface: include/hakmem/hakmem.h says what each function does.
#include "hakmem/hakmem.h"

#include <cerrno>
#include <cstring>

#include "api/statistics.h"
#include "heap/allocate.h"
#include "heap/blocks.h"
#include "heap/defrag.h"
#include "heap/limit.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "print/stats_json.h"

#define HAK_EXPORT extern "C" [[gnu::visibility("default")]]
#define HAK_TEXT_OF(n) #n
#define HAK_TEXT(n) HAK_TEXT_OF(n)

HAK_EXPORT const char* hakmem_version(void) {
  return HAK_TEXT(HAKMEM_VERSION_MAJOR) "." HAK_TEXT(HAKMEM_VERSION_MINOR) "." HAK_TEXT(HAKMEM_VERSION_PATCH);
}

HAK_EXPORT hakmem_block hakmem_block_info(const void* ptr) { return hak::inspect(ptr); }

HAK_EXPORT size_t hakmem_purge(size_t keep) { return hak::start_process() ? hak::reclaim(hak::Bytes{keep}).n : 0; }

HAK_EXPORT size_t hakmem_good_size(size_t size) { return hak::good_size(size); }

HAK_EXPORT int hakmem_defrag_hint(const void* ptr) { return hak::is_worth_moving(ptr) ? 1 : 0; }

HAK_EXPORT void hakmem_on_limit(hakmem_limit_function function, void* context) {
  hak::set_limit_function(function, context);
}

HAK_EXPORT int hakmem_stats(hakmem_statistics* out, size_t out_bytes) {
  if (out == nullptr) return EINVAL;
  if (out_bytes >= sizeof *out) {  // the caller's memory serves
    hak::collect_statistics(out);
    return 0;
  }
  const hak::api::Statistics stats;
  if (!stats) return ENOMEM;
  memcpy(out, &*stats, out_bytes);
  if (out_bytes >= sizeof out->struct_bytes) out->struct_bytes = static_cast<uint32_t>(out_bytes);
  return 0;
}

HAK_EXPORT size_t hakmem_stats_json(char* buffer, size_t size) {
  const hak::api::Statistics stats;
  if (!stats) return 0;
  hak::Text text(buffer, size > 0 ? size - 1 : 0);
  hak::print::stats_json(text, *stats);
  if (size > 0) buffer[text.view().size()] = '\0';
  return text.length();
}
