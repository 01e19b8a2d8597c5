// From a seed to a program. A seed chooses a profile: which sizes, how many threads, how much is handed over.
#include <algorithm>

#include "model/operation.h"
#include "support/random.h"
#include "support/sizes.h"

namespace hak::test {

namespace {

enum class Sizes : uint8_t {
  realistic,    // mostly 16 to 512 bytes, a tail to some MiB: what programs ask for
  adversarial,  // ends of classes, tiers, units; zero
  few,          // three sizes of one tier, so that slabs fill and empty
  large,        // from 60 KiB to 8 MiB
};

struct Profile {
  Sizes sizes;
  uint64_t few[3];
  uint32_t percent_free, percent_realloc, percent_hand_over;
};

uint64_t near(Random& r, uint64_t n) {
  static constexpr int64_t kSteps[] = {-17, -16, -15, -8, -1, 0, 0, 0, 1, 8, 15, 16, 17};
  const int64_t at = static_cast<int64_t>(n) + kSteps[r.below(sizeof kSteps / sizeof kSteps[0])];
  return at < 0 ? 0 : static_cast<uint64_t>(at);
}

uint64_t realistic_size(Random& r) {
  const uint64_t kind = r.below(1000);
  if (kind < 700) return r.between(1, 256);
  if (kind < 880) return r.between(128, 1100);
  if (kind < 960) return r.between(1000, 16384);
  if (kind < 990) return r.between(8192, 131072);
  if (kind < 998) return r.between(65536, kMiB);
  return r.between(kMiB, 5 * kMiB);
}

uint64_t adversarial_size(Random& r) {
  switch (r.below(8)) {
    case 0:
      return r.below(34);
    case 1:
      return near(r, size_t{1} << r.between(4, 21));
    case 2:
      return near(r, (8 + r.below(9)) << r.between(4, 17));  // ends of classes, eight per doubling
    case 3:
      return near(r, 1024);  // tiny ends
    case 4:
      return near(r, r.one_in(2) ? 61440 : 65536);  // mid ends
    case 5:
      return near(r, r.between(1, 17) * 65536);  // units
    case 6:
      return near(r, r.one_in(2) ? kMiB : 2 * kMiB);  // large ends, a SuperSlab
    default:
      return r.one_in(10) ? near(r, r.between(1, 6) * 2 * kMiB) : r.below(5000);
  }
}

uint64_t size_of(Random& r, const Profile& p) {
  switch (p.sizes) {
    case Sizes::realistic:
      return realistic_size(r);
    case Sizes::adversarial:
      return adversarial_size(r);
    case Sizes::few:
      return p.few[r.below(3)];
    case Sizes::large:
      return r.one_in(20) ? realistic_size(r) : near(r, r.between(60'000, size_t{1} << r.between(17, 23)));
  }
  return 0;
}

Profile choose_profile(Random& r) {
  Profile p{};
  const uint64_t kind = r.below(10);
  p.sizes = kind < 4 ? Sizes::realistic : kind < 7 ? Sizes::adversarial : kind < 9 ? Sizes::few : Sizes::large;
  const uint64_t base = r.one_in(3) ? r.between(1025, 60'000) : r.below(1025);
  for (uint64_t& n : p.few) n = base + r.below(64);
  p.percent_free = static_cast<uint32_t>(r.between(25, 50));
  p.percent_realloc = static_cast<uint32_t>(r.below(15));
  p.percent_hand_over = static_cast<uint32_t>(r.one_in(3) ? r.between(20, 45) : r.below(10));
  return p;
}

Kind allocation(Random& r) {
  static constexpr Kind kKinds[] = {Kind::malloc,         Kind::malloc,    Kind::malloc,      Kind::malloc,
                                    Kind::calloc,         Kind::calloc,    Kind::memalign,    Kind::aligned_alloc,
                                    Kind::posix_memalign, Kind::valloc,    Kind::pvalloc,     Kind::new_plain,
                                    Kind::new_plain,      Kind::new_array, Kind::new_nothrow, Kind::new_aligned};
  return kKinds[r.below(sizeof kKinds / sizeof kKinds[0])];
}

uint64_t alignment(Random& r) {
  if (r.one_in(40)) return size_t{1} << r.between(17, 23);
  return size_t{1} << r.between(3, r.one_in(4) ? 16 : 8);
}

struct Generator {
  Random random;
  Profile profile;
  Program program;

  explicit Generator(uint64_t seed) : random(seed * 2 + 1), profile(choose_profile(random)) {}

  void add(Operation at, Kind kind, uint64_t size, uint64_t align) {
    at.kind = kind;
    at.slot = static_cast<uint32_t>(random.below(program.slots));
    at.size = size;
    at.align = align;
    program.operations.push_back(at);
  }

  // Of 1000 operations a few are the rare ones; the rest keeps about as many blocks coming as going.
  void add_any(Operation at) {
    Random& r = random;
    const uint64_t rare = r.below(1000);
    if (rare < 3) return add(at, Kind::trim, 0, 0);
    if (rare < 6) return add(at, Kind::statistics, 0, 0);
    if (rare < 20)
      return add(at, Kind::absurd, kAbsurdSizes[r.below(sizeof kAbsurdSizes / sizeof kAbsurdSizes[0])], r.below(64));
    if (rare < 21 && program.threads <= 4) return add(at, Kind::fork_now, 0, 0);
    if (rare < 45) return add(at, Kind::check, 0, 0);
    if (rare < 50) return add(at, Kind::leave, 0, 0);
    if (rare < 57 && profile.sizes != Sizes::large)
      return add(at, Kind::fill_run, std::min<uint64_t>(size_of(r, profile), 20'000), r.between(1, program.slots / 2));
    if (rare < 64) return add(at, Kind::free_run, r.between(1, 3), r.between(1, program.slots / 2));
    const uint64_t kind = r.below(100);
    if (program.threads > 1 && kind < profile.percent_hand_over)
      return r.one_in(2) ? add(at, Kind::give, r.below(program.threads), 0) : add(at, Kind::take, 0, 0);
    const uint64_t usual = r.below(100);
    if (usual < profile.percent_free) return add(at, r.one_in(2) ? Kind::free_plain : Kind::free_sized, 0, 0);
    if (usual < profile.percent_free + profile.percent_realloc) {
      const uint64_t size = r.one_in(20) ? 0 : size_of(r, profile);
      return r.one_in(5) ? add(at, Kind::reallocarray, size / 8, 8) : add(at, Kind::realloc, size, 0);
    }
    add(at, allocation(r), size_of(r, profile), alignment(r));
  }

  // So many slots that all of them full are a few MiB: a seed takes a fraction of a second.
  uint32_t slots(uint32_t for_few) const {
    switch (profile.sizes) {
      case Sizes::few:
        return static_cast<uint32_t>(std::min<uint64_t>(for_few, (size_t{8} << 20) / (profile.few[0] + 1) + 20));
      case Sizes::large:
        return 30;
      default:
        return 250;
    }
  }

  void choose_shape() {
    Random& r = random;
    Program& p = program;
    if (r.one_in(2)) {
      p.threads = 1;
      p.slots = slots(3000);
      p.rounds = 1;
      p.phases = static_cast<uint32_t>(r.between(1, 4));
    } else {
      p.threads = static_cast<uint32_t>(r.between(2, 7));
      p.slots = slots(6000) / p.threads + 10;
      p.rounds = static_cast<uint32_t>(r.between(1, 5));
      p.phases = static_cast<uint32_t>(r.between(1, 3));
    }
  }

  void fill_program() {
    const uint64_t all = profile.sizes == Sizes::large ? 800 : program.threads == 1 ? 2500 : 5000;
    const uint64_t each = all / (program.rounds * program.phases * program.threads) + 1;
    for (uint32_t round = 0; round < program.rounds; round++)
      for (uint32_t phase = 0; phase < program.phases; phase++) {
        for (uint32_t thread = 0; thread < program.threads; thread++) {
          if (thread > 0 && random.one_in(5)) continue;  // not every thread is there in every round
          const Operation at{static_cast<uint16_t>(round),
                             static_cast<uint16_t>(phase),
                             static_cast<uint16_t>(thread),
                             Kind::malloc,
                             0,
                             0,
                             0};
          for (uint64_t i = 0; i < each; i++) add_any(at);
        }
        if (random.one_in(6))
          add({static_cast<uint16_t>(round), static_cast<uint16_t>(phase), 0, Kind::fork_at_rest, 0, 0, 0},
              Kind::fork_at_rest, 0, 0);
      }
  }
};

}  // namespace

Program generate(uint64_t seed) {
  Generator g(seed);
  g.choose_shape();
  g.fill_program();
  return std::move(g.program);
}

}  // namespace hak::test
