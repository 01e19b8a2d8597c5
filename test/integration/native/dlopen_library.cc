// part of: dlopen.cc
// See there. Its thread_local objects keep it loaded until their thread ends, as glibc defines.
#include <map>
#include <stdexcept>
#include <string>

#include "block.h"

namespace {

Block* const of_constructor = make_block(4000, 11);
std::map<int, std::string> table;

struct PerThread {
  Block* block = make_block(900, 12);
  ~PerThread() { take_apart(block); }
};
thread_local PerThread per_thread;
thread_local char big_tls[20000];  // more than the static TLS surplus: allocated when first used

struct AtUnload {
  ~AtUnload() {
    take_apart(of_constructor);
    churn(3, 20);
  }
};
AtUnload at_unload;

}  // namespace

extern "C" Block* library_make(int number) {
  big_tls[number % 20000]++;
  check_block(of_constructor);
  check_block(per_thread.block);
  return make_block(sizeof(Block) + static_cast<size_t>(number) * 91 % 30000, static_cast<size_t>(number));
}

extern "C" void library_release(Block* block) { take_apart(block); }

extern "C" int library_throw_and_catch(int number) {
  try {
    table[number % 10] += std::to_string(number);
    throw std::runtime_error(std::string(100, 'e') + std::to_string(number));
  } catch (const std::exception& error) {
    return std::stoi(error.what() + 100);
  }
}
