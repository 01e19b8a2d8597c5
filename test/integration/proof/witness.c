/* The witness: preloaded behind the allocator into every process that the suite starts, it says whose malloc that
 * process has. harness.py reads what it writes and fails the test when a process ran on another allocator.
 *
 * One line per process image to $INTEGRATION_PROOF_LOG, separated by tabs:
 *   pid, executable, object with the proof symbol, object with malloc, verdict on a fresh block
 * The proof symbol ($INTEGRATION_PROOF_SYMBOL, hakmem_version unless told) is one that only the wanted allocator
 * defines. Objects are paths, "executable" for the program itself, "-" for none. The verdict is "live" when
 * hakmem_block_info() exists and knows the block as its own, "foreign" when it exists and doesn't, else "-".
 *
 * It must not change what it watches: no stdio, nothing kept open, one block of 24 bytes.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../include/hakmem/hakmem.h"

typedef hakmem_block BlockInfo(const void*);

static const char* object_of(const void* address) {
  Dl_info info;
  struct link_map* object;
  if (address == NULL || dladdr1(address, &info, (void**)&object, RTLD_DL_LINKMAP) == 0) return "-";
  return object->l_name[0] == '\0' ? "executable" : object->l_name;
}

/* In an executable at a fixed address (python3.11, node), dlsym finds the PLT entry of malloc and not the function:
 * the block itself says more where the allocator can be asked. */
static const char* block_verdict(void) {
  BlockInfo* const block_info = (BlockInfo*)dlsym(RTLD_DEFAULT, "hakmem_block_info");
  if (block_info == NULL) return "-";
  void* volatile const block = malloc(24);
  const char* const verdict = block_info(block).state == HAKMEM_BLOCK_LIVE ? "live" : "foreign";
  free(block);
  return verdict;
}

static char* append(char* at, const char* end, const char* text, char separator) {
  const size_t room = (size_t)(end - at) - 1;
  const size_t length = strnlen(text, room);
  memcpy(at, text, length);
  at[length] = separator;
  return at + length + 1;
}

__attribute__((constructor)) static void testify(void) {
  const char* const log = getenv("INTEGRATION_PROOF_LOG");
  if (log == NULL) return;
  const char* const symbol = getenv("INTEGRATION_PROOF_SYMBOL");

  char executable[1024];
  const ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
  executable[length < 0 ? 0 : length] = '\0';
  char pid[16];
  snprintf(pid, sizeof pid, "%d", (int)getpid());

  char line[4096];
  const char* const end = line + sizeof line;
  char* at = append(line, end, pid, '\t');
  at = append(at, end, executable, '\t');
  at = append(at, end, object_of(dlsym(RTLD_DEFAULT, symbol != NULL ? symbol : "hakmem_version")), '\t');
  at = append(at, end, object_of(dlsym(RTLD_DEFAULT, "malloc")), '\t');
  at = append(at, end, block_verdict(), '\n');

  const int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return;
  if (write(fd, line, (size_t)(at - line)) < 0) { /* the missing line fails the test */
  }
  close(fd);
}
