// Blocks made before main: by .preinit_array, before any library's constructors; by constructors of a library, which
// also start a thread; by constructors of the program. All are whole in main, and can be resized and freed there.
// linked library: before_main_library.c
#include <string>
#include <vector>

#include "block.h"

extern "C" Block* library_block();
namespace {

Block* of_preinit;
Block* of_constructor;
std::vector<std::string> of_static_object(500, "long enough to have a block of its own");

void preinit() { of_preinit = make_block(3000, 5); }
[[gnu::section(".preinit_array"), gnu::used]] void (*preinit_entry)() = preinit;

[[gnu::constructor(101)]] void construct() { of_constructor = make_block(70'000, 6); }

}  // namespace

int main() {
  check_block(of_preinit);
  check_block(of_constructor);
  check_block(library_block());
  of_preinit = become_block(realloc(of_preinit, 100), 100, 5);
  of_constructor = become_block(realloc(of_constructor, 2 << 20), 2 << 20, 6);
  take_apart(of_preinit);
  take_apart(of_constructor);
  take_apart(library_block());
  CHECK(of_static_object.size() == 500 && of_static_object[499].front() == 'l');
  of_static_object = {};
  churn(1, 1000);
  printf("all blocks made before main were whole\n");
}
