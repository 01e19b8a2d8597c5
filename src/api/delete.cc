// operator delete: free, and what the caller says of the block is checked where that costs next to nothing. Apart from
// new.cc, because a file compiled with exceptions can't leave a noexcept function by a tail call.
#include <new>

#include "heap/allocate.h"

#define HAK_EXPORT [[gnu::visibility("default")]]

// clang-format off
HAK_EXPORT void operator delete(void* p) noexcept { hak::free_fast(p); }
HAK_EXPORT void operator delete[](void* p) noexcept { hak::free_fast(p); }
HAK_EXPORT void operator delete(void* p, const std::nothrow_t&) noexcept { hak::free_fast(p); }
HAK_EXPORT void operator delete[](void* p, const std::nothrow_t&) noexcept { hak::free_fast(p); }
HAK_EXPORT void operator delete(void* p, size_t size) noexcept { hak::free_sized_fast(p, size); }
HAK_EXPORT void operator delete[](void* p, size_t size) noexcept { hak::free_sized_fast(p, size); }
HAK_EXPORT void operator delete(void* p, std::align_val_t align) noexcept { hak::free_with_alignment(p, static_cast<size_t>(align)); }
HAK_EXPORT void operator delete[](void* p, std::align_val_t align) noexcept { hak::free_with_alignment(p, static_cast<size_t>(align)); }
HAK_EXPORT void operator delete(void* p, size_t, std::align_val_t align) noexcept { hak::free_with_alignment(p, static_cast<size_t>(align)); }
HAK_EXPORT void operator delete[](void* p, size_t, std::align_val_t align) noexcept { hak::free_with_alignment(p, static_cast<size_t>(align)); }
HAK_EXPORT void operator delete(void* p, std::align_val_t align, const std::nothrow_t&) noexcept { hak::free_with_alignment(p, static_cast<size_t>(align)); }
HAK_EXPORT void operator delete[](void* p, std::align_val_t align, const std::nothrow_t&) noexcept { hak::free_with_alignment(p, static_cast<size_t>(align)); }
// clang-format on
