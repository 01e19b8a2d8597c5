// What a run of the model shares: its threads, their blocks, and the operations on them. Used by apply.cc and its
// parts.
#pragma once

#include <pthread.h>

#include "model/functions.h"
#include "model/operation.h"
#include "model/oracle.h"

namespace hak::test {

inline constexpr size_t kMailbox = 64, kLegacies = 16;

struct Mailbox {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  Block blocks[kMailbox];
  size_t count = 0;
};

struct Thread {
  const Program* program;
  Block* slots;
  Mailbox mailbox;
  Block legacies[kLegacies];  // freed when the thread ends
  size_t legacy_count;
  int exit_rounds;  // of destructors that this thread has seen
  uint64_t next_number;
  uint16_t index;
};

struct Model {
  const Program& program;
  Thread* threads;
  bool alone;  // one thread: the intervals are kept exactly
  Intervals intervals;
  Counters counters;
  pthread_barrier_t phase_begins, phase_ends;
  pthread_key_t exit_key;
};

extern Model* g_model;

bool is_null_allowed();

// Operations on a thread's slots (blocks.cc). A broken promise ends the process (fail()).
void make(Thread& t, const Operation& o);
void release(Block& slot, bool sized);
void reallocate(Thread& t, const Operation& o);
void refuse(const Operation& o);

// Forks (forks.cc): the child checks and frees what the parent's threads hold.
void fork_now(Thread& t);
void fork_at_rest(Model& m);

/// Frees every block of every thread. The others are at rest.
void release_everything(Model& m);

/// Compares everything with the oracle. The others are at rest.
void check_everything(Model& m);

}  // namespace hak::test
