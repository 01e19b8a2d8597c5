// The C++ library on top: exceptions, failing new with and without handler, over-aligned types, shared pointers across
// threads, futures, streams, memory resources, coroutines.
#include <any>
#include <coroutine>
#include <deque>
#include <functional>
#include <future>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <set>
#include <sstream>
#include <thread>
#include <unordered_map>
#include <vector>

#include "block.h"

namespace {

volatile std::size_t absurd = SIZE_MAX / 4;
int handler_calls = 0;

void handler() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

void failing_new() {
  for (int i = 0; i < 3; i++) {
    try {
      delete[] new char[absurd];
      CHECK(!"an absurd size throws");
    } catch (const std::bad_alloc&) {
    }
  }
  CHECK(new (std::nothrow) char[absurd] == nullptr);
  std::set_new_handler(handler);
  try {
    ::operator delete(::operator new(absurd, std::align_val_t(256)), std::align_val_t(256));
    CHECK(!"an absurd size throws");
  } catch (const std::bad_alloc&) {
  }
  CHECK(handler_calls == 3);
  try {
    std::vector<int>(static_cast<std::size_t>(-1) / 8).front() = 1;
    CHECK(!"an absurd size throws");
  } catch (const std::exception&) {
  }
}

struct alignas(512) Wide {
  explicit Wide(int n) : value(n) {}
  int value;
  char rest[600] = {};
};

void aligned_types() {
  std::vector<std::unique_ptr<Wide>> wide;
  for (int i = 0; i < 500; i++) {
    wide.push_back(std::make_unique<Wide>(i));
    CHECK(reinterpret_cast<std::uintptr_t>(wide.back().get()) % 512 == 0);
  }
  std::vector<Wide> in_a_row;
  for (int i = 0; i < 500; i++) in_a_row.emplace_back(i);
  CHECK(in_a_row[499].value == 499 && reinterpret_cast<std::uintptr_t>(in_a_row.data()) % 512 == 0);
  std::unique_ptr<Wide[], void (*)(Wide*)> array(
      static_cast<Wide*>(operator new[](5 * sizeof(Wide), std::align_val_t(512))),
      [](Wide* p) { operator delete[](p, std::align_val_t(512)); });
  CHECK(reinterpret_cast<std::uintptr_t>(array.get()) % 512 == 0);
}

int throw_deep(int depth) {
  const std::string local(static_cast<std::size_t>(depth) + 20, 'x');
  if (depth == 0) throw std::runtime_error(local);
  try {
    return throw_deep(depth - 1) + static_cast<int>(local.size());
  } catch (...) {
    std::throw_with_nested(std::logic_error(local));
  }
}

int nesting(const std::exception& error) {
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& inner) {
    return 1 + nesting(inner);
  }
  return 1;
}

struct Generator {
  struct promise_type {
    int current = 0;
    Generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int value) {
      current = value;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};
Generator count_to(int n) {
  const std::string kept_in_frame(200, 'c');
  for (int i = 1; i <= n; i++) co_yield i + static_cast<int>(kept_in_frame.size()) - 200;
}

void containers() {
  std::map<std::string, std::list<std::any>> map;
  std::unordered_map<int, std::deque<std::function<int()>>> functions;
  for (int i = 0; i < 20000; i++) {
    map["key " + std::to_string(i % 700)].push_back(i % 2 == 0 ? std::any(i) : std::any(std::string(50, 'a')));
    functions[i % 90].push_back([i, text = std::string(40, 'f')] { return i + static_cast<int>(text.size()); });
  }
  long sum = 0;
  for (const auto& [key, queue] : functions)
    for (const auto& function : queue) sum += function();
  std::multiset<std::string> sorted;
  for (int i = 0; i < 5000; i++) sorted.insert(std::to_string(i * 7919 % 5003));
  std::cout << map.size() << ' ' << sum << ' ' << *sorted.rbegin() << '\n';

  std::pmr::unsynchronized_pool_resource pool;
  std::pmr::vector<std::pmr::string> strings(&pool);
  for (int i = 0; i < 5000; i++) strings.emplace_back(static_cast<std::size_t>(i % 300), 'p');
  std::ostringstream text;
  for (const auto& string : strings) text << string.size() << ' ';
  std::cout << text.str().size() << ' ' << text.str().substr(0, 60) << '\n';
}

void threads() {
  std::vector<std::future<std::shared_ptr<std::vector<int>>>> futures;
  for (int i = 0; i < 40; i++)
    futures.push_back(std::async(std::launch::async, [i] { return std::make_shared<std::vector<int>>(i * 100, i); }));
  std::size_t total = 0;
  for (auto& future : futures) total += future.get()->size();
  std::promise<std::string> promise;
  std::thread thrower([&promise] {
    try {
      throw_deep(30);
    } catch (const std::exception& error) {
      promise.set_exception(std::current_exception());
    }
  });
  thrower.join();
  try {
    promise.get_future().get();
  } catch (const std::exception& error) {  // allocated by a thread that is gone
    std::cout << total << ' ' << nesting(error) << '\n';
  }
}

}  // namespace

int main() {
  failing_new();
  aligned_types();
  containers();
  threads();
  int sum = 0;
  for (int i = 0; i < 100; i++) {
    const Generator generator = count_to(i);
    for (generator.handle.resume(); !generator.handle.done(); generator.handle.resume())
      sum += generator.handle.promise().current;
    generator.handle.destroy();
  }
  std::cout << sum << '\n';
}
