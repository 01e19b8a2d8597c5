// A new-handler that gives memory up, under a limit on address space: operator new calls it as often as it takes and
// then succeeds. Sets the limit on itself at run time. Ends with 0, or says what was wrong.
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "support/allocator.h"
#include "support/opaque.h"
#include "support/proc.h"
#include "support/sizes.h"

using namespace hak::test;

namespace {

constexpr int kPieces = 6;
constexpr size_t kPiece = 64 * kMiB;
char* g_pieces[kPieces];
int g_calls;

void give_up_one_piece() {
  if (g_calls == kPieces) throw std::bad_alloc();
  delete[] g_pieces[g_calls];
  g_pieces[g_calls++] = nullptr;
}

int fail(const char* what) {
  std::fprintf(stderr, "%s (after %d calls of the handler)\n", what, g_calls);
  return 1;
}

}  // namespace

int main() {
  if (const char* const wrong = wrong_allocator(); wrong != nullptr) return fail(wrong);
  const rlim_t now = static_cast<rlim_t>(status_field("VmSize")) * kKiB;
  const rlimit limit = {now + kPieces * kPiece + 32 * kMiB, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return fail("setrlimit refused");
  for (char*& piece : g_pieces) {
    piece = new char[opaque(kPiece)];
    memset(piece, 1, kKiB);
  }
  std::set_new_handler(give_up_one_piece);
  try {
    char* const block = new char[opaque(kPieces * kPiece / 2 + 40 * kMiB)];
    memset(block, 1, kKiB);
    delete[] block;
  } catch (const std::bad_alloc&) {
    return fail("bad_alloc although the handler gave memory up");
  }
  if (g_calls < 3 || g_calls > kPieces) return fail("the handler was not called as often as needed");
  if (opaque(new (std::nothrow) char[opaque(size_t{1} << 40)]) != nullptr) return fail("1 TiB served under the limit");
  std::set_new_handler(nullptr);
  try {
    delete[] opaque(new char[opaque(size_t{1} << 40)]);
    return fail("1 TiB served under the limit");
  } catch (const std::bad_alloc&) {
  }
  char* const small = new char[opaque(kMiB)];
  memset(small, 1, kMiB);
  delete[] small;
  return 0;
}
