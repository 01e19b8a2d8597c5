// main() of the gtest programs that run on several allocators: refuses to pass on the wrong one.
#include <gtest/gtest.h>

#include <cstdio>

#include "support/allocator.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* const wrong = hak::test::wrong_allocator(); wrong != nullptr) {
    std::fprintf(stderr, "%s\n", wrong);
    return 2;
  }
  return RUN_ALL_TESTS();
}
