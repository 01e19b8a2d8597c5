// A library that allocates in its constructor, its destructor, its functions and its thread_local objects is loaded and
// unloaded again and again, by one thread and by four at the same time; blocks outlive the library that made them.
// library: dlopen_library.cc
#include <dlfcn.h>
#include <thread>
#include <vector>

#include "block.h"

namespace {

constexpr int kLoads = 200, kThreads = 4, kLoadsInThreads = 40;

Block* use_library(const char* path, int number) {
  void* const library = dlopen(path, (number % 2 == 0 ? RTLD_NOW : RTLD_LAZY) | RTLD_LOCAL);
  CHECK(library != nullptr);
  const auto make = reinterpret_cast<Block* (*)(int)>(dlsym(library, "library_make"));
  const auto throw_and_catch = reinterpret_cast<int (*)(int)>(dlsym(library, "library_throw_and_catch"));
  const auto release = reinterpret_cast<void (*)(Block*)>(dlsym(library, "library_release"));
  CHECK(make != nullptr && throw_and_catch != nullptr && release != nullptr);
  CHECK(dlsym(library, "no_such_function") == nullptr && dlerror() != nullptr);  // the message is allocated too
  CHECK(throw_and_catch(number) == number);
  Block* const outlives = make(number);
  release(make_block(500, 5));
  CHECK(dlclose(library) == 0);
  return outlives;
}

void load_often(const char* path, int loads, int first) {
  std::vector<Block*> outlived;
  for (int i = 0; i < loads; i++) {
    outlived.push_back(use_library(path, first + i));
    if (i % 3 == 0) std::thread([=] { take_apart(use_library(path, i)); }).join();
  }
  for (Block* const block : outlived) take_apart(block);
}

}  // namespace

int main(int, char** argv) {
  load_often(argv[1], kLoads, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; i++) threads.emplace_back(load_often, argv[1], kLoadsInThreads, i * 1000);
  for (std::thread& thread : threads) thread.join();
  CHECK(dlopen("/no/such/library.so", RTLD_NOW) == nullptr);
  CHECK(strstr(dlerror(), "/no/such/library.so") != nullptr);
  printf("loaded and unloaded\n");
}
