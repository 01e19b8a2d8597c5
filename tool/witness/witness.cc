// libhakmem-witness.so: preloaded behind an allocator, tells `hakmem compare` which library a process's malloc is in. It
// asks the loader of that very process, so a library that was not loaded, or that the program's own malloc hides, can't
// pass for the one that was named. Must not allocate and needs libc alone. Reader: compare/testimony.cc.
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

// Never called: makes the loader bind malloc and free for us, as it does for every caller.
[[gnu::used, gnu::noinline]] void bind() { std::free(std::malloc(1)); }

// The address that our own calls of that function go to, from the slot that the loader filled before we started (the
// library is linked with -z now). dlsym would not do: in a program that isn't position-independent and takes malloc's
// address, as Debian's python3, it gives a stub in the program.
void* target_of_calls(const char* function) {
  link_map* self = nullptr;
  Dl_info info;
  if (dladdr1(reinterpret_cast<void*>(bind), &info, reinterpret_cast<void**>(&self), RTLD_DL_LINKMAP) == 0)
    return nullptr;
  const ElfW(Rela)* slots = nullptr;
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  size_t count = 0;
  for (const ElfW(Dyn)* entry = self->l_ld; entry->d_tag != DT_NULL; ++entry) {  // glibc has made these absolute
    if (entry->d_tag == DT_JMPREL) slots = reinterpret_cast<const ElfW(Rela)*>(entry->d_un.d_ptr);
    if (entry->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(entry->d_un.d_ptr);
    if (entry->d_tag == DT_PLTRELSZ) count = entry->d_un.d_val / sizeof(ElfW(Rela));
  }
  if (slots == nullptr || symbols == nullptr || names == nullptr) return nullptr;
  for (const ElfW(Rela)* slot = slots; slot != slots + count; ++slot)
    if (std::strcmp(names + symbols[ELF64_R_SYM(slot->r_info)].st_name, function) == 0)
      return *reinterpret_cast<void**>(self->l_addr + slot->r_offset);
  return nullptr;
}

// The file that holds the function that calls go to. "": not known.
const char* owner_of(const char* function) {
  void* const address = target_of_calls(function);
  Dl_info info;
  return address != nullptr && dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

iovec text_part(const char* text) { return {const_cast<char*>(text), std::strlen(text) + 1}; }

// One record for each program that is executed, appended by one writev, so that those of several processes don't mix:
// process id, then three texts with their zeros: the program's name, the file of malloc, the file of free.
[[gnu::constructor]] void testify() {
  // not HAKMEM_...: those are options of libhakmem.so, which warns of ones that it doesn't know
  const char* const path = std::getenv("LIBHAKMEM_WITNESS");
  if (path == nullptr) return;
  const int error = errno;
  const int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file >= 0) {
    pid_t self = getpid();
    const iovec parts[] = {{&self, sizeof self},
                           text_part(program_invocation_short_name),
                           text_part(owner_of("malloc")),
                           text_part(owner_of("free"))};
    [[maybe_unused]] const ssize_t written = writev(file, parts, 4);  // what is missing is no proof
    close(file);
  }
  errno = error;
}

}  // namespace
