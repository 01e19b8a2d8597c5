// A C++ plugin that a C program loads with dlopen: libstdc++ comes into the process with it, late and RTLD_LOCAL.
// operator new must still throw here. Each entry point returns null when all is well, else what was wrong.
#include <array>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>
#include <string>

#include "support/opaque.h"

using hak::test::opaque;

namespace {

constexpr size_t kNever = size_t{1} << 60;

int g_handler_calls;

void handler() {
  if (++g_handler_calls == 3) std::set_new_handler(nullptr);
}

template <class Try>
bool throws_bad_alloc(Try allocate) {
  try {
    allocate();
    return false;
  } catch (const std::bad_alloc& e) {
    return std::strcmp(e.what(), "std::bad_alloc") == 0;
  }
}

}  // namespace

extern "C" const char* plugin_ordinary_work() {
  std::map<std::string, std::string> map;
  for (int i = 0; i < 1000; i++)
    map["a key that is long enough to be on the heap " + std::to_string(i)] = std::string(static_cast<size_t>(i), 'x');
  if (map.size() != 1000) return "the map is short";
  try {
    throw std::runtime_error("an exception of the plugin's own");
  } catch (const std::exception& e) {
    if (e.what()[0] != 'a') return "the exception's text is wrong";
  }
  return nullptr;
}

extern "C" const char* plugin_new_throws() {
  if (!throws_bad_alloc([] { delete[] opaque(new char[opaque(kNever)]); })) return "new[] does not throw";
  if (!throws_bad_alloc([] { ::operator delete(::operator new(opaque(kNever))); })) return "new does not throw";
  if (!throws_bad_alloc(
          [] { ::operator delete (::operator new (opaque(kNever), std::align_val_t{64}), std::align_val_t{64}); }))
    return "aligned new does not throw";
  if (!throws_bad_alloc([] { std::string().reserve(opaque(size_t{1} << 61)); })) return "std::string does not throw";
  return nullptr;
}

extern "C" const char* plugin_nothrow_gives_null() {
  if (opaque(new (std::nothrow) char[opaque(kNever)]) != nullptr) return "nothrow new[] is not null";
  if (::operator new(opaque(kNever), std::nothrow) != nullptr) return "nothrow new is not null";
  if (::operator new (opaque(kNever), std::align_val_t{64}, std::nothrow) != nullptr)
    return "nothrow aligned new is not null";
  return nullptr;
}

extern "C" const char* plugin_handler_is_called() {
  g_handler_calls = 0;
  std::set_new_handler(handler);
  if (!throws_bad_alloc([] { delete[] opaque(new char[opaque(kNever)]); }))
    return "new[] does not throw after the handler";
  if (g_handler_calls != 3) return "the new-handler was not called three times";
  std::set_new_handler([] { throw std::bad_alloc(); });
  if (opaque(new (std::nothrow) char[opaque(kNever)]) != nullptr)
    return "nothrow new[] let the handler's exception change its result";
  std::set_new_handler([] { throw std::runtime_error("from the handler"); });
  try {
    delete[] opaque(new char[opaque(kNever)]);
    return "new[] does not let the handler's exception out";
  } catch (const std::runtime_error&) {
  }
  std::set_new_handler(nullptr);
  return nullptr;
}

extern "C" const char* plugin_bad_array_new_length() {
  try {
    delete[] opaque(new std::array<char, 1000>[opaque(SIZE_MAX / 999)]);
    return "an array length that overflows does not throw";
  } catch (const std::bad_array_new_length&) {
    return nullptr;
  }
}
