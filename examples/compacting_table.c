/* A table that compacts itself: after most of its strings are gone, those that are left lie here and there, and each keeps a
 * page or a slab in memory. hakmem_defrag_hint() says which ones are worth copying to a new block.
 *
 *   cc -O2 -I include examples/compacting_table.c -o compacting_table
 *   LD_PRELOAD=build/release/libhakmem.so ./compacting_table
 */
#include <hakmem/hakmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So that the program starts under any malloc; there it compacts nothing. */
#pragma weak hakmem_defrag_hint
#pragma weak hakmem_purge

enum { STRINGS = 400 * 1000, KEPT_IN = 20, MOST_PASSES = 10 };

static char* table[STRINGS];

static size_t resident_kib(void) {
  FILE* const file = fopen("/proc/self/statm", "r");
  long pages = 0;
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file != NULL) fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static char* new_string(unsigned number) {
  const size_t size = 32 + number * 7919u % 480u;
  char* const text = malloc(size);
  if (text == NULL) exit(2);
  memset(text, 'a' + (int)(number % 26), size - 1);
  text[size - 1] = '\0';
  return text;
}

/* One pass over the table. Returns how many strings moved: when none did, there is nothing left to gain. */
static unsigned compact(void) {
  unsigned moved = 0;
  for (unsigned i = 0; i < STRINGS; i++) {
    if (table[i] == NULL || !hakmem_defrag_hint(table[i])) continue;
    char* const copy = strdup(table[i]);
    if (copy == NULL) break;
    free(table[i]);
    table[i] = copy;
    moved++;
  }
  return moved;
}

int main(void) {
  for (unsigned i = 0; i < STRINGS; i++) table[i] = new_string(i);
  const size_t full = resident_kib();
  for (unsigned i = 0; i < STRINGS; i++)
    if (i % KEPT_IN != 0) {
      free(table[i]);
      table[i] = NULL;
    }
  if (hakmem_defrag_hint == NULL) {
    puts("not on hakmem: LD_PRELOAD=build/release/libhakmem.so");
    return 0;
  }
  hakmem_purge(0);
  const size_t sparse = resident_kib();
  unsigned moved = 0, passes = 0;
  for (unsigned n = 1; n != 0 && passes < MOST_PASSES; passes++) moved += n = compact();
  hakmem_purge(0);
  const size_t compacted = resident_kib();
  printf("%d strings: %zu KiB resident\n1 in %d kept: %zu KiB\n%u moved in %u passes: %zu KiB\n", STRINGS, full,
         KEPT_IN, sparse, moved, passes, compacted);
  for (unsigned i = 0; i < STRINGS; i++)
    if (table[i] != NULL && table[i][0] != 'a' + (int)(i % 26)) return 1;
  return compacted * 2 < sparse && passes < MOST_PASSES ? 0 : 1;
}
