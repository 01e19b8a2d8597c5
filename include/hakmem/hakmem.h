/* hakmem's own C interface: what is this pointer, where is the memory, give it back.
 *
 * Everything else is the standard interface (malloc(3), operator new), which libhakmem.so interposes and
 * libhakmem.a defines. A program that wants to run with and without hakmem declares these functions weak.
 *
 * All functions may be called from any thread at any time after the first allocation or before it; none of them
 * allocates, none is async-signal-safe. Sizes are bytes unless the name says otherwise.
 */
#ifndef HAKMEM_HAKMEM_H
#define HAKMEM_HAKMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAKMEM_VERSION_MAJOR 0
#define HAKMEM_VERSION_MINOR 1
#define HAKMEM_VERSION_PATCH 0

/* The version of the library in the process, "MAJOR.MINOR.PATCH". Static storage. */
const char* hakmem_version(void);

/* ---- What is this pointer? ------------------------------------------------------------------------------- */

/* Tiers by block size: tiny [0, 1 KiB], mid (1 KiB, 64 KiB), large [64 KiB, 1 MiB], big above 1 MiB. */
enum hakmem_tier {
  HAKMEM_TIER_NONE = 0,
  HAKMEM_TIER_TINY = 1,
  HAKMEM_TIER_MID = 2,
  HAKMEM_TIER_LARGE = 3,
  HAKMEM_TIER_BIG = 4
};

enum hakmem_block_state {
  HAKMEM_BLOCK_FOREIGN = 0, /* not in hakmem's window: another allocator's, a stack's, a file mapping's */
  HAKMEM_BLOCK_UNUSED = 1,  /* in the window, but never handed out, or given back with its whole slab */
  HAKMEM_BLOCK_FREE = 2,    /* a block that was handed out and is free now */
  HAKMEM_BLOCK_LIVE = 3,    /* a block in the hands of the program */
};

typedef struct hakmem_block {
  void* start;         /* where the block begins; null where there is none */
  size_t usable_size;  /* bytes from start that belong to the block, as malloc_usable_size says */
  void* site;          /* return address of the allocating call, null where it is not known */
  uint32_t tier;       /* enum hakmem_tier */
  uint32_t state;      /* enum hakmem_block_state */
  uint32_t size_class; /* index of the size class in hakmem_stats().classes */
  uint32_t interior;   /* 1: ptr points into the block, not at its start */
} hakmem_block;

/* Tells what `ptr` is; any value may be asked, nothing is followed. A block that another thread is allocating or
 * freeing at this moment is reported as either. Walks free lists: for diagnosis, not for hot code. */
hakmem_block hakmem_block_info(const void* ptr);

/* ---- Giving memory back ---------------------------------------------------------------------------------- */

/* Gives unused memory back to the system: the calling thread's, that of threads that ended or sleep, and what is kept for
 * reuse.
 * keep: bytes of free memory to leave committed. Returns the bytes given back.
 * Errors: none; what the system refuses stays, counted as os.purge_refused. Source: madvise(2). */
size_t hakmem_purge(size_t keep);

/* For programs that can move their objects, as databases with active defragmentation do: 1 when moving the block at ptr, by
 * allocating its size, copying and freeing it, would help to empty a page or a slab; 0 when not, and for what is no block of
 * hakmem's. Ask for each object in turn: after some passes every answer is 0. examples/compacting_table.c shows it.
 * Large and big blocks are never worth it: each is given back by itself. ptr must stay allocated meanwhile. Threads: any; of
 * a block that another thread's heap has, the answer is a guess. Takes some 20 ns. */
int hakmem_defrag_hint(const void* ptr);

/* Called when memory was wanted beyond the limit (HAKMEM_LIMIT, HAKMEM_LIMIT_SHARE) although what was idle had been given
 * back: the limit was passed then or, with HAKMEM_LIMIT_HARD, the allocation failed. in_use bytes are in blocks and their
 * slabs, limit is the limit. It may free and allocate. */
typedef void (*hakmem_limit_function)(size_t in_use, size_t limit, void* context);

/* Has `function` called, with `context`, on a thread that wanted memory beyond the limit, soon after, at most once for each
 * time. Null: nothing is called. Replaces an earlier function, which another thread may be in.
 * Without a limit it is never called. Threads: any. */
void hakmem_on_limit(hakmem_limit_function function, void* context);

/* The size of the block that an allocation of `size` bytes would get; 0 where no such block can exist. */
size_t hakmem_good_size(size_t size);

/* ---- Statistics ------------------------------------------------------------------------------------------ */

enum { HAKMEM_CLASSES_MAX = 208, HAKMEM_STAGES = 10 };

/* The stages of a refill. docs/design.md, "Refill", says in which order they are tried. */
enum hakmem_stage {
  HAKMEM_STAGE_INBOX = 0,     /* blocks that other threads returned */
  HAKMEM_STAGE_FREED = 1,     /* blocks that this thread freed in the current slab */
  HAKMEM_STAGE_BUMP = 2,      /* never used blocks of the current slab, or of its pages that were given back */
  HAKMEM_STAGE_PARTIAL = 3,   /* another slab of the class with free blocks, fullest first */
  HAKMEM_STAGE_EMPTY = 4,     /* an empty slab of this heap */
  HAKMEM_STAGE_UNITS = 5,     /* free units of a SuperSlab that is in use, fullest first */
  HAKMEM_STAGE_SUPERSLAB = 6, /* a new SuperSlab */
  HAKMEM_STAGE_SHARED = 7,    /* blocks of slabs that many young threads share */
  HAKMEM_STAGE_SITE = 8,      /* large, big: a freed block that the same site allocated */
  HAKMEM_STAGE_STEAL = 9,     /* large, big: a freed block of another site */
};

typedef struct hakmem_class_stats {
  uint32_t tier; /* enum hakmem_tier */
  uint32_t reserved0;
  size_t block_size;    /* bytes of a block; for large and big: the upper bound of the class */
  uint64_t live_blocks; /* in the hands of the program now; live_blocks = allocations - frees */
  uint64_t live_bytes;
  uint64_t peak_blocks;            /* most blocks out of slabs of a thread at one time, seen at refills, summed over
                           threads; large, big: most in existence at one time. Of a tier: summed over classes */
  uint64_t allocations;            /* = hits + misses */
  uint64_t hits;                   /* served without a refill */
  uint64_t misses;                 /* served by a refill */
  uint64_t refills[HAKMEM_STAGES]; /* by the stage that served */
  uint64_t frees;                  /* = frees_local + frees_remote */
  uint64_t frees_local;            /* by the thread whose heap owns the block */
  uint64_t frees_remote;           /* by another thread */
  uint64_t slabs;                  /* slabs (spans for large and big) held now */
  uint64_t held_bytes;             /* bytes of those slabs or spans */
} hakmem_class_stats;

typedef struct hakmem_os_stats {
  uint64_t window_bytes;          /* address range that blocks can lie in */
  uint64_t claimed_bytes;         /* part of the window that is mapped for use */
  uint64_t metadata_bytes;        /* page map, slab lines, heaps: mapped, mostly untouched */
  uint64_t free_clean_bytes;      /* claimed, free, never touched or given back */
  uint64_t free_dirty_bytes;      /* claimed, free, still resident */
  uint64_t in_use_bytes;          /* in slabs and spans; claimed = free_clean + free_dirty + in_use */
  uint64_t kept_bytes;            /* part of in_use: freed large and big blocks that are kept for reuse */
  uint64_t sparse_bytes;          /* part of in_use: pages of slabs with few blocks that were given back */
  uint64_t maps, maps_refused;    /* mmap calls, and those that the system refused */
  uint64_t purges, purge_refused; /* madvise calls that give memory back */
  uint64_t purged_bytes;
  uint64_t populates, populate_refused, populated_bytes;
  uint64_t huge_advices, huge_refused;
  uint64_t remaps, remap_refused;
  uint64_t heaps, heaps_parked; /* heaps in existence, and those whose thread has ended */
  /* Freed large and big blocks: those that served again, and those that were given back, ever, by the reason. */
  uint64_t reused_bytes;         /* in place of fresh pages: so many page faults less at most, times the page size */
  uint64_t dropped_unkept_bytes; /* too large to be kept, or of no kept size */
  uint64_t dropped_late_bytes;   /* at once: their call site is known to come back later than keeping is worth */
  uint64_t dropped_idle_bytes;   /* kept until nobody had come for as long as they were worth (HAKMEM_PRICE, _DECAY) */
  uint64_t dropped_wanted_bytes; /* before that: for other sizes, a purge, or a limit */
  uint64_t
      overshoot_bytes;    /* what huge pages in use brought beside: free units, and parts of slabs not handed out yet */
  uint64_t early_returns; /* calls of free that had nothing to free: of null */
} hakmem_os_stats;

typedef struct hakmem_statistics {
  uint32_t struct_bytes; /* sizeof this, so that older callers can be served */
  uint32_t class_count;
  hakmem_class_stats tiers[5]; /* sums per tier, by enum hakmem_tier; [0] is the total */
  hakmem_class_stats classes[HAKMEM_CLASSES_MAX];
  hakmem_os_stats os;
} hakmem_statistics;

/* Fills *out. `out_bytes` is sizeof *out as the caller was compiled; no more is written.
 * Counts of the calling thread and of ended threads are exact; those of threads that allocate at this moment are
 * exact to the operations under way. Waits while idle memory is being given back. Returns 0, EINVAL for a null
 * pointer, or ENOMEM where there is no memory to sum them up in. */
int hakmem_stats(hakmem_statistics* out, size_t out_bytes);

/* The same as JSON (schema "hakmem-stats/1"), as snprintf(3): writes at most `size` bytes with the final null and
 * returns the length it would have had. */
size_t hakmem_stats_json(char* buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
