// operator new. The library must load into C programs, so it can't need libstdc++; in a C++ program `new`
// has to call the new-handler and throw std::bad_alloc all the same. So the C++ runtime's functions are weak here, and
// where the runtime came later than we did (a plugin), they are looked up when memory has run out.
//
// This file alone is compiled with exceptions: a handler may throw through it, and nothrow new has to catch.
#include <dlfcn.h>

#include <new>

#include "guard/report.h"
#include "heap/allocate.h"
#include "heap/fast_span.h"
#include "heap/refill_fast.h"

// What the compiler emits calls to for `catch` becomes weak too: without the runtime nobody can throw here.
__asm__(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n.weak _ZSt9terminatev");

extern "C" {
[[gnu::weak]] std::new_handler hak_get_new_handler() __asm__("_ZSt15get_new_handlerv");
[[gnu::weak]] void hak_throw_bad_alloc() __asm__("_ZSt17__throw_bad_allocv");
[[gnu::weak]] void* hak_begin_catch(void*) __asm__("__cxa_begin_catch");
// Weak as well: a wholly static program has no loader to ask, and must not be told that it should.
[[gnu::weak]] void* dlopen(const char*, int);
[[gnu::weak]] void* dlsym(void*, const char*);
}

#define HAK_EXPORT [[gnu::visibility("default")]]

namespace {

// A function of the C++ runtime that was loaded after us, where the global scope needn't see it. Its own: not ours,
// which stands in for it.
void* find_in_runtime(const char* name) {
  if (dlsym == nullptr || dlopen == nullptr) return nullptr;
  void* const runtime = dlopen("libstdc++.so.6", RTLD_NOLOAD | RTLD_LAZY);
  return runtime != nullptr ? dlsym(runtime, name) : nullptr;
}

std::new_handler current_handler() {
  if (hak_get_new_handler != nullptr) return hak_get_new_handler();
  if (void* const get = find_in_runtime("_ZSt15get_new_handlerv"))
    return reinterpret_cast<std::new_handler (*)()>(get)();
  return nullptr;
}

[[noreturn]] void throw_bad_alloc(size_t size) {
  if (hak_throw_bad_alloc != nullptr) hak_throw_bad_alloc();
  if (void* const thrower = find_in_runtime("_ZSt17__throw_bad_allocv")) reinterpret_cast<void (*)()>(thrower)();
  hak::guard::die_out_of_memory("operator new", size, nullptr);
}

// Calls the new-handler, which may free memory, throw, or end the program. Throws when there is none.
void make_room(size_t size) {
  const std::new_handler handler = current_handler();
  if (handler == nullptr) throw_bad_alloc(size);
  handler();
}

struct NewSlow {
  [[gnu::noinline]] static void* refilled(size_t size_class, hak::Heap* heap) {
    return hak::refilled_or(heap, static_cast<unsigned>(size_class), by_ladder);
  }
  [[gnu::noinline]] static void* by_ladder(hak::Heap* heap, unsigned c, hak::Where where) {
    if (void* const p = hak::refilled_by_ladder(heap, c, where)) [[likely]]
      return p;
    return retry(hak::size_class(c).block_bytes);
  }
  [[gnu::noinline]] static void* span(size_t size, hak::Heap* heap) {
    if (void* const p = hak::allocate_span(size, heap, reinterpret_cast<hak::Site>(__builtin_return_address(0))))
        [[likely]]
      return p;
    return retry(size);
  }
  [[gnu::noinline, gnu::cold]] static void* retry(size_t size) {
    for (;;) {
      make_room(size);
      if (void* const p = hak::allocate(size)) return p;
    }
  }
};

// As libstdc++: an alignment that is no power of two can't be had.
bool can_be_had(std::align_val_t align) { return hak::is_power_of_two(static_cast<size_t>(align)); }

void* new_aligned(size_t size, std::align_val_t align) {
  if (!can_be_had(align)) throw_bad_alloc(size);
  for (;;) {
    if (void* const p = hak::allocate_aligned(static_cast<size_t>(align), size)) [[likely]]
      return p;
    make_room(size);
  }
}

[[gnu::always_inline]] inline void* new_fast(size_t size) { return hak::malloc_fast<NewSlow>(size); }

// A request with no memory left, from a nothrow new: the handler is called; if it throws, or there is none, null.
template <class Allocate>
void* or_null(Allocate allocate) noexcept {
  try {
    for (;;) {
      if (void* const p = allocate()) [[likely]]
        return p;
      const std::new_handler handler = current_handler();
      if (handler == nullptr) return nullptr;
      handler();
    }
  } catch (...) {
    return nullptr;
  }
}

// Where the runtime came after us, nothing can be caught here: what a catch needs was bound when we were loaded. The
// runtime's own nothrow new calls our throwing one and catches.
template <class... Arguments>
void* or_null_in_runtime(const char* name, size_t size, Arguments... arguments) noexcept {
  if (current_handler() == nullptr) return nullptr;
  using Function = void* (*)(size_t, Arguments..., const std::nothrow_t&);
  void* const found = find_in_runtime(name);
  return found != nullptr ? reinterpret_cast<Function>(found)(size, arguments..., std::nothrow_t{}) : nullptr;
}

void* new_or_null(size_t size) noexcept {
  if (void* const p = hak::allocate(size)) [[likely]]
    return p;
  if (hak_begin_catch == nullptr) return or_null_in_runtime("_ZnwmRKSt9nothrow_t", size);
  return or_null([size] { return hak::allocate(size); });
}

void* new_aligned_or_null(size_t size, std::align_val_t align) noexcept {
  if (!can_be_had(align)) return nullptr;
  if (void* const p = hak::allocate_aligned(static_cast<size_t>(align), size)) [[likely]]
    return p;
  if (hak_begin_catch == nullptr) return or_null_in_runtime("_ZnwmSt11align_val_tRKSt9nothrow_t", size, align);
  return or_null([size, align] { return hak::allocate_aligned(static_cast<size_t>(align), size); });
}

}  // namespace

// clang-format off
HAK_EXPORT void* operator new(size_t size) { return new_fast(size); }
HAK_EXPORT void* operator new[](size_t size) { return new_fast(size); }
HAK_EXPORT void* operator new(size_t size, const std::nothrow_t&) noexcept { return new_or_null(size); }
HAK_EXPORT void* operator new[](size_t size, const std::nothrow_t&) noexcept { return new_or_null(size); }
HAK_EXPORT void* operator new(size_t size, std::align_val_t align) { return new_aligned(size, align); }
HAK_EXPORT void* operator new[](size_t size, std::align_val_t align) { return new_aligned(size, align); }
HAK_EXPORT void* operator new(size_t size, std::align_val_t align, const std::nothrow_t&) noexcept { return new_aligned_or_null(size, align); }
HAK_EXPORT void* operator new[](size_t size, std::align_val_t align, const std::nothrow_t&) noexcept { return new_aligned_or_null(size, align); }
// clang-format on
