#include "model/operation.h"

#include <cinttypes>
#include <cstring>

namespace hak::test {

namespace {

constexpr const char* kNames[] = {
    "malloc",     "calloc",     "memalign",    "aligned_alloc", "posix_memalign", "valloc",  "pvalloc",
    "new_plain",  "new_array",  "new_nothrow", "new_aligned",   "absurd",         "realloc", "reallocarray",
    "free_plain", "free_sized", "fill_run",    "free_run",      "check",          "give",    "take",
    "leave",      "trim",       "statistics",  "fork_now",      "fork_at_rest",
};
static_assert(sizeof kNames / sizeof kNames[0] == static_cast<size_t>(Kind::fork_at_rest) + 1);

}  // namespace

void print(FILE* file, const Operation& o) {
  fprintf(file, "round %u phase %u thread %u: %s slot %u size %" PRIu64 " align %" PRIu64 "\n", o.round, o.phase,
          o.thread, kNames[static_cast<size_t>(o.kind)], o.slot, o.size, o.align);
}

void print(FILE* file, const Program& p) {
  fprintf(file, "program threads %u slots %u rounds %u phases %u null %d\n", p.threads, p.slots, p.rounds, p.phases,
          p.null_allowed);
  for (const Operation& operation : p.operations) print(file, operation);
}

bool read(FILE* file, Program& p) {
  int null_allowed;
  if (fscanf(file, " program threads %u slots %u rounds %u phases %u null %d", &p.threads, &p.slots, &p.rounds,
             &p.phases, &null_allowed) != 5)
    return false;
  p.null_allowed = null_allowed != 0;
  Operation o{};
  unsigned round, phase, thread;
  char name[32];
  int fields;
  while ((fields = fscanf(file, " round %u phase %u thread %u: %31s slot %u size %" SCNu64 " align %" SCNu64, &round,
                          &phase, &thread, name, &o.slot, &o.size, &o.align)) == 7) {
    o.round = static_cast<uint16_t>(round);
    o.phase = static_cast<uint16_t>(phase);
    o.thread = static_cast<uint16_t>(thread);
    size_t kind = 0;
    while (kind < sizeof kNames / sizeof kNames[0] && strcmp(kNames[kind], name) != 0) kind++;
    if (kind == sizeof kNames / sizeof kNames[0] || thread >= p.threads || o.slot >= p.slots) return false;
    o.kind = static_cast<Kind>(kind);
    p.operations.push_back(o);
  }
  return fields == EOF;
}

}  // namespace hak::test
