// What the model does to a thread's own blocks.
#include <cerrno>

#include "model/run.h"
#include "support/pattern.h"

namespace hak::test {

bool is_null_allowed() { return g_model->program.null_allowed; }

namespace {

void put(Thread& t, Block& slot, void* at, size_t size, size_t alignment, Family family) {
  slot = {static_cast<char*>(at), size, call_usable_size(at), alignment < 16 ? 16 : alignment, t.next_number++, family};
  check_promises(slot);
  if (g_model->alone) g_model->intervals.insert(slot);
  fill_pattern(slot.at, size, slot.number);
}

void remove(Block& slot) {
  if (g_model->alone) g_model->intervals.erase(slot);
  slot.at = nullptr;
}

void check_freed(const void* at, bool look) {
  if (!g_model->alone || !look) return;  // another thread may have it already
  static auto* const info_of = find_block_info();
  if (info_of == nullptr) return;
  const uint32_t state = info_of(at).state;
  if (state != HAKMEM_BLOCK_FREE && state != HAKMEM_BLOCK_UNUSED)
    fail("freed block %p: hakmem_block_info says state %u", at, state);
}

}  // namespace

void release(Block& slot, bool sized) {
  if (slot.at == nullptr) return;
  check_contents(slot);
  const Block block = slot;
  remove(slot);
  errno = 4711;
  if (sized) call_free_sized(block.at, block.family, block.size, block.alignment);
  else call_free(block.at, block.family, block.alignment);
  if (errno != 4711 && !under_thread_sanitizer()) fail("free changed errno to %d", errno);
  check_freed(block.at, block.number % 8 == 0);
}

namespace {

void expect_refused(const void* block) {
  if (block != nullptr) fail("an absurd size was served");
  if (errno != ENOMEM) fail("an absurd size was refused with errno %d", errno);
}

// All of it to 256 KiB; of more, both ends and a word of every fourth page.
void check_zero(const char* at, size_t size) {
  constexpr size_t kWhole = size_t{256} << 10;
  const auto check = [at](size_t from, size_t bytes) {
    if (const size_t dirty = find_nonzero(at + from, bytes); dirty != kPatternKept)
      fail("calloc: byte %zu is not zero", from + dirty);
  };
  check(0, size < kWhole ? size : kWhole / 2);
  if (size < kWhole) return;
  for (size_t page = kWhole / 2; page + 8 <= size; page += 4 * 4096) check(page, 8);
  check(size - 100, 100);
}

}  // namespace

void make(Thread& t, const Operation& o) {
  Block& slot = t.slots[o.slot];
  if (slot.at != nullptr) return;
  void* at = nullptr;
  size_t alignment = 16;
  Family family = Family::c;
  const size_t wide = o.align < 16 ? 16 : o.align;
  errno = 0;
  switch (o.kind) {
    case Kind::calloc:
      at = call_calloc(o.size);
      break;
    case Kind::memalign:
      at = call_memalign(o.align, o.size), alignment = wide, family = Family::c_other;
      break;
    case Kind::aligned_alloc:
      at = call_aligned_alloc(o.align, o.size), alignment = wide, family = Family::c_aligned;
      break;
    case Kind::posix_memalign:
      at = call_posix_memalign(o.align, o.size), alignment = wide, family = Family::c_other;
      break;
    case Kind::valloc:
      at = call_valloc(o.size), alignment = 4096, family = Family::c_other;
      break;
    case Kind::pvalloc:
      at = call_pvalloc(o.size), alignment = 4096, family = Family::c_other;
      break;
    case Kind::new_plain:
      at = call_new(o.size), family = Family::new_plain;
      break;
    case Kind::new_array:
      at = call_new_array(o.size), family = Family::new_array;
      break;
    case Kind::new_nothrow:
      at = call_new_nothrow(o.size), family = Family::new_plain;
      break;
    case Kind::new_aligned:
      at = call_new_aligned(wide, o.size), alignment = wide, family = Family::new_aligned;
      break;
    default:
      at = call_malloc(o.size);
  }
  if (at == nullptr) {
    if (errno != ENOMEM) fail("null with errno %d", errno);
    if (!is_null_allowed()) fail("no memory");
    return;
  }
  if (o.kind == Kind::calloc) check_zero(static_cast<char*>(at), o.size);
  put(t, slot, at, o.size, alignment, family);
}

void refuse(const Operation& o) {
  errno = 0;
  switch (o.align % 10) {
    case 0:
      return expect_refused(call_malloc(o.size));
    case 1:
      return expect_refused(call_calloc(o.size));
    case 2:
      return expect_refused(call_realloc(nullptr, o.size));
    case 3:
      return expect_refused(call_reallocarray(nullptr, o.size, 16));
    case 4:
      return expect_refused(call_memalign(64, o.size));
    case 5:
      return expect_refused(call_posix_memalign(4096, o.size));
    case 6:
      return expect_refused(call_pvalloc(o.size));
    case 7:
      return expect_refused(call_new(o.size));
    case 8:
      return expect_refused(call_new_nothrow(o.size));
    default:
      return expect_refused(call_aligned_alloc(size_t{1} << o.align / 3, o.size));
  }
}

// C's realloc alone may get a block of operator new's: hakmem, like glibc, makes no difference; a sized delete would.
void reallocate(Thread& t, const Operation& o) {
  Block& slot = t.slots[o.slot];
  const Block old = slot;
  const size_t size = o.kind == Kind::reallocarray ? o.size * o.align : o.size;
  if (old.at != nullptr) {
    check_contents(old);
    remove(slot);
  }
  errno = 0;
  void* const at =
      o.kind == Kind::reallocarray ? call_reallocarray(old.at, o.size, o.align) : call_realloc(old.at, size);
  if (at == nullptr) {
    if (size == 0 && old.at != nullptr) return;  // freed
    if (errno != ENOMEM) fail("realloc: null with errno %d", errno);
    if (!is_null_allowed()) fail("realloc: no memory");
    slot = old;
    if (old.at == nullptr) return;
    check_contents(old);
    if (g_model->alone) g_model->intervals.insert(old);
    return;
  }
  if (old.at != nullptr) {
    const size_t kept = old.size < size ? old.size : size;
    const size_t broken = find_broken_pattern(at, old.size, old.number, kept);
    if (broken != kPatternKept) fail("realloc from %zu to %zu bytes: byte %zu was not kept", old.size, size, broken);
  }
  put(t, slot, at, size, 16, Family::c);
}

}  // namespace hak::test
