// part of: static_linking.py
// Ends the program before main where its malloc is not the one that was linked in.
#include "../../../include/hakmem/hakmem.h"
#include "block.h"

#pragma weak hakmem_block_info /* absent where the suite is tried with another allocator */

static void check_owner(void* block) {
  if (hakmem_block_info != NULL) CHECK(hakmem_block_info(block).state == HAKMEM_BLOCK_LIVE);
  free(block);
}

__attribute__((constructor)) static void prove(void) {
  check_owner(malloc(100));
  check_owner(calloc(3, 50));
  check_owner(strdup("made by libc"));
  char* line = NULL;
  size_t room = 0;
  FILE* const stream = fmemopen((void*)"line\n", 5, "r");
  CHECK(getline(&line, &room, stream) == 5);
  CHECK(fclose(stream) == 0);
  check_owner(line);
  dprintf(1, "self-proof: linked in\n");
}
