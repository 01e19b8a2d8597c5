// The new-handler: called again and again until there is memory, until it throws, or until there is none.
#include <gtest/gtest.h>

#include <stdexcept>

#include "contract/functions.h"
#include "support/sizes.h"

namespace hak::test {
namespace {

constexpr size_t kNever = size_t{1} << 60;

int g_calls;
int g_calls_wanted;

struct Scope {  // no test leaves a handler behind
  Scope(std::new_handler handler, int wanted) {
    g_calls = 0;
    g_calls_wanted = wanted;
    std::set_new_handler(handler);
  }
  ~Scope() { std::set_new_handler(nullptr); }
};

void give_up_after_some() {
  if (++g_calls == g_calls_wanted) std::set_new_handler(nullptr);
}

void throw_after_some() {
  if (++g_calls == g_calls_wanted) throw std::bad_alloc();
}

void throw_something_else() {
  ++g_calls;
  throw std::runtime_error("out of luck");
}

void must_not_be_called() { ++g_calls; }

// operator new must let any exception out; a nothrow form none.
enum class Ending { returned_null, bad_alloc, runtime_error, served };

Ending allocate(const NewFunction& f, size_t n) {
  try {
    void* const block = f.allocate(opaque(n));
    if (block == nullptr) return Ending::returned_null;
    f.release(block, n);
    return Ending::served;
  } catch (const std::bad_alloc&) {
    return Ending::bad_alloc;
  } catch (const std::runtime_error&) {
    return Ending::runtime_error;
  }
}

TEST(NewHandler, is_called_until_there_is_none_then_bad_alloc) {
  for (const NewFunction& f : kNewFunctions)
    for (int wanted : {1, 2, 5}) {
      const Scope scope(give_up_after_some, wanted);
      EXPECT_EQ(allocate(f, kNever), f.throws ? Ending::bad_alloc : Ending::returned_null) << f.name;
      EXPECT_EQ(g_calls, wanted) << f.name;
      EXPECT_EQ(std::get_new_handler(), nullptr);
    }
}

TEST(NewHandler, that_throws_bad_alloc_ends_the_call) {
  for (const NewFunction& f : kNewFunctions)
    for (int wanted : {1, 3}) {
      const Scope scope(throw_after_some, wanted);
      EXPECT_EQ(allocate(f, kNever), f.throws ? Ending::bad_alloc : Ending::returned_null) << f.name;
      EXPECT_EQ(g_calls, wanted) << f.name;
    }
}

TEST(NewHandler, that_throws_anything_lets_it_out_of_new_but_not_of_nothrow) {
  for (const NewFunction& f : kNewFunctions) {
    const Scope scope(throw_something_else, 1);
    EXPECT_EQ(allocate(f, kNever), f.throws ? Ending::runtime_error : Ending::returned_null) << f.name;
    EXPECT_EQ(g_calls, 1) << f.name;
  }
}

TEST(NewHandler, is_not_called_while_there_is_memory) {
  const Scope scope(must_not_be_called, 0);
  for (const NewFunction& f : kNewFunctions)
    for (size_t n : tier_sizes(5 * kMiB)) EXPECT_EQ(allocate(f, n), Ending::served) << f.name << ", " << n;
  EXPECT_EQ(g_calls, 0);
}

TEST(NewHandler, is_not_called_by_malloc) {
  const Scope scope(must_not_be_called, 0);
  for (const Function& f : kCFunctions) EXPECT_EQ(f.allocate(opaque(kNever)), nullptr) << f.name;
  EXPECT_EQ(g_calls, 0);
}

TEST(NewHandler, set_by_a_handler_is_the_next_one_called) {
  static int first, second;
  first = second = 0;
  const Scope scope(
      [] {
        first++;
        std::set_new_handler([] {
          second++;
          throw std::bad_alloc();
        });
      },
      0);
  EXPECT_EQ(allocate(kNewFunctions[0], kNever), Ending::bad_alloc);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST(NewHandler, runs_for_new_expressions_and_the_standard_library) {
  const Scope scope(throw_after_some, 1);
  EXPECT_THROW(delete[] opaque(new char[opaque(kNever)]), std::bad_alloc);
  EXPECT_EQ(g_calls, 1);
  g_calls = 0;
  EXPECT_THROW(std::string().reserve(opaque(kNever)), std::bad_alloc);
  EXPECT_EQ(g_calls, 1);
}

TEST(NewHandler, an_array_length_that_overflows_does_not_reach_it) {
  const Scope scope(must_not_be_called, 0);
  EXPECT_THROW(delete[] opaque(new double[opaque(size_t{1} << 62)]), std::bad_array_new_length);
  EXPECT_EQ(g_calls, 0);
}

TEST(NewHandler, a_bad_alignment_does_not_reach_it) {
  const Scope scope(must_not_be_called, 0);
  EXPECT_THROW(::operator delete(::operator new (10, std::align_val_t{opaque(size_t{24})})), std::bad_alloc);
  EXPECT_EQ(g_calls, 0);
}

}  // namespace
}  // namespace hak::test
