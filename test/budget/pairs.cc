// Allocates and frees in one of a few modes, a given number of times: budget.py runs it under callgrind with two counts,
// and what the second costs more, divided by the pairs it has more, is the cost of a pair (loop and calls included).
// usage: pairs MODE ROUNDS      a round is 1000 pairs
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

constexpr int kPairs = 1000;

void* g_blocks[kPairs];
unsigned g_sizes[kPairs];

void mixed() {
  for (int i = 0; i < kPairs; i++) g_blocks[i] = malloc(g_sizes[i]);
  for (int i = 0; i < kPairs; i++) free(g_blocks[i]);
}

void sized() {
  for (int i = 0; i < kPairs; i++) g_blocks[i] = ::operator new(g_sizes[i]);
  for (int i = 0; i < kPairs; i++) ::operator delete (g_blocks[i], size_t{g_sizes[i]});
}

template <size_t kBytes>
void at_once() {
  for (int i = 0; i < kPairs; i++) {
    void* const block = malloc(kBytes);
    *static_cast<volatile char*>(block) = 1;
    free(block);
  }
}

struct Mode {
  const char* name;
  unsigned least, most;  // sizes of a block
  void (*round)();
};

constexpr Mode kModes[] = {
    {"mixed", 16, 512, mixed},        // all 1000 live, freed in the order of allocation
    {"pingpong", 0, 0, at_once<64>},  // freed at once
    {"sized", 16, 512, sized},        // operator new, sized operator delete
    {"mid", 2048, 18431, mixed},     {"large", 0, 0, at_once<300'000>}, {"big", 0, 0, at_once<3'000'000>},
};

// The budgets were set on these very sizes (xorshift64, Marsaglia 2003): others shift a figure by several instructions.
void choose_sizes(unsigned least, unsigned most) {
  uint64_t state = 0x9E3779B97F4A7C15u;
  for (unsigned& size : g_sizes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    size = least + static_cast<unsigned>(state >> 33) % (most - least + 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  for (const Mode& mode : kModes) {
    if (strcmp(mode.name, argv[1]) != 0) continue;
    choose_sizes(mode.least, mode.most);
    const long rounds = atol(argv[2]);
    for (long i = 0; i < rounds; i++) mode.round();
    return 0;
  }
  fprintf(stderr, "pairs: no mode %s\n", argv[1]);
  return 2;
}
