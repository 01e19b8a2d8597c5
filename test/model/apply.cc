#include "model/apply.h"

#include <pthread.h>
#include <unistd.h>

#include <climits>
#include <cstdarg>
#include <cstring>

#include "model/run.h"

namespace hak::test {

thread_local const Operation* t_operation;

void fail(const char* what, ...) {
  char text[512], line[768];
  va_list arguments;
  va_start(arguments, what);
  vsnprintf(text, sizeof text, what, arguments);
  va_end(arguments);
  int n = snprintf(line, sizeof line, "WRONG: %s\n", text);
  if (t_operation != nullptr) {  // without stdio's buffers: they may be the allocator's
    const Operation& o = *t_operation;
    n += snprintf(line + n, sizeof line - static_cast<size_t>(n),
                  "at round %u phase %u thread %u, kind %u slot %u size %zu align %zu\n", o.round, o.phase, o.thread,
                  static_cast<unsigned>(o.kind), o.slot, static_cast<size_t>(o.size), static_cast<size_t>(o.align));
  }
  if (write(2, line, static_cast<size_t>(n)) < 0) _exit(3);
  _exit(1);
}

Model* g_model;

namespace {

// ---- between threads -----------------------------------------------------------------------------------------------

void give(Thread& t, Block& slot, const Operation& o) {
  if (slot.at == nullptr) return;
  Mailbox& mailbox = g_model->threads[o.size % t.program->threads].mailbox;
  pthread_mutex_lock(&mailbox.lock);
  if (mailbox.count < kMailbox) {
    mailbox.blocks[mailbox.count++] = slot;
    slot.at = nullptr;
  }
  pthread_mutex_unlock(&mailbox.lock);
}

void take(Thread& t, Block& slot) {
  Block block{};
  pthread_mutex_lock(&t.mailbox.lock);
  if (t.mailbox.count > 0) block = t.mailbox.blocks[--t.mailbox.count];
  pthread_mutex_unlock(&t.mailbox.lock);
  if (block.at == nullptr) return;
  check_contents(block);
  if (slot.at == nullptr) slot = block;
  else release(block, block.number % 2 == 0);
}

void leave(Thread& t, Block& slot) {
  if (slot.at == nullptr || t.legacy_count == kLegacies || t.index == 0) return;
  t.legacies[t.legacy_count++] = slot;
  slot.at = nullptr;
  if (pthread_setspecific(g_model->exit_key, &t) != 0) fail("pthread_setspecific");
}

// A destructor of thread-specific data, called once more in each of libc's rounds: frees what was left, one block in
// each round and the rest in the last, when the allocator's own destructor may have run already; and allocates again.
// The thread sanitizer forgets the thread in libc's last round: with it there is one less.
void at_exit(void* argument) {
  Thread& t = *static_cast<Thread*>(argument);
  const bool last = ++t.exit_rounds == PTHREAD_DESTRUCTOR_ITERATIONS - (under_thread_sanitizer() ? 1 : 0);
  if (!last && pthread_setspecific(g_model->exit_key, &t) != 0) fail("pthread_setspecific");
  for (bool go_on = true; go_on && t.legacy_count > 0; go_on = last) {
    Block& legacy = t.legacies[--t.legacy_count];
    release(legacy, legacy.number % 2 == 0);
  }
  for (size_t n : {size_t{24}, size_t{700}, size_t{9000}, size_t{200'000}}) {
    void* const block = call_malloc(n);
    if (block == nullptr && !is_null_allowed()) fail("no memory while the thread ends");
    if (block == nullptr) continue;
    memset(block, 1, n);
    call_free(block, Family::c, 16);
  }
}

// ---- programs ------------------------------------------------------------------------------------------------------

void run(Thread& t, const Operation& o) {
  t_operation = &o;
  Block& slot = t.slots[o.slot];
  switch (o.kind) {
    case Kind::absurd:
      refuse(o);
      break;
    case Kind::realloc:
    case Kind::reallocarray:
      reallocate(t, o);
      break;
    case Kind::free_plain:
      release(slot, false);
      break;
    case Kind::free_sized:
      release(slot, true);
      break;
    case Kind::fill_run:
      for (uint32_t i = 0; i < o.align; i++)
        make(t, {0, 0, 0, Kind::malloc, static_cast<uint32_t>((o.slot + i) % t.program->slots), o.size, 16});
      break;
    case Kind::free_run:
      for (uint64_t i = 0; i<o.align; i += o.size> 0 ? o.size : 1)
        release(t.slots[(o.slot + i) % t.program->slots], i % 2 == 0);
      break;
    case Kind::check:
      if (slot.at != nullptr) check_contents(slot), check_promises(slot);
      break;
    case Kind::give:
      give(t, slot, o);
      break;
    case Kind::take:
      take(t, slot);
      break;
    case Kind::leave:
      leave(t, slot);
      break;
    case Kind::trim:
      call_trim();
      break;
    case Kind::statistics:
      call_reports();
      break;
    case Kind::fork_now:
      fork_now(t);
      break;
    case Kind::fork_at_rest:
      break;  // run_phase
    default:
      make(t, o);
  }
  t_operation = nullptr;
}

// The thread's operations of one phase. They are sorted by round, phase, thread or not: a shrunk program is a subset.
void run_phase(Thread& t, uint32_t round, uint32_t phase) {
  for (const Operation& o : t.program->operations)
    if (o.round == round && o.phase == phase && o.thread == t.index) run(t, o);
}

}  // namespace

void release_everything(Model& m) {
  for (uint32_t i = 0; i < m.program.threads; i++) {
    Thread& t = m.threads[i];
    for (uint32_t k = 0; k < m.program.slots; k++) release(t.slots[k], k % 3 == 0);
    while (t.mailbox.count > 0) release(t.mailbox.blocks[--t.mailbox.count], false);
    while (t.legacy_count > 0) release(t.legacies[--t.legacy_count], false);
  }
}

void check_everything(Model& m) {
  static ArenaVector<Block> live;
  live.clear();
  for (uint32_t i = 0; i < m.program.threads; i++) {
    const Thread& t = m.threads[i];
    for (uint32_t k = 0; k < m.program.slots; k++)
      if (t.slots[k].at != nullptr) live.push_back(t.slots[k]);
    live.insert(live.end(), t.mailbox.blocks, t.mailbox.blocks + t.mailbox.count);
    live.insert(live.end(), t.legacies, t.legacies + t.legacy_count);
  }
  for (const Block& block : live) {
    check_contents(block);
    if (live.size() < 500 || block.number % 7 == 0) check_promises(block);
  }
  check_overlap(live);
  m.counters.check(live);
  if (const char* const rule = broken_rule(); rule != nullptr) fail("broken rule: %s", rule);
}

namespace {

struct Start {
  Thread* thread;
  uint32_t round;
};

void run_round_of(Thread& thread, uint32_t round) {
  for (uint32_t phase = 0; phase < g_model->program.phases; phase++) {
    pthread_barrier_wait(&g_model->phase_begins);
    run_phase(thread, round, phase);
    pthread_barrier_wait(&g_model->phase_ends);
  }
  pthread_barrier_wait(&g_model->phase_begins);  // until main has looked at the last one
}

void* thread_main(void* argument) {
  const Start start = *static_cast<Start*>(argument);
  start.thread->exit_rounds = 0;
  run_round_of(*start.thread, start.round);
  return nullptr;
}

pthread_attr_t small_stacks() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{512} << 10);
  return attributes;
}

void run_round(Model& m, uint32_t round, const pthread_attr_t& attributes) {
  static pthread_t threads[64];
  static Start starts[64];
  for (uint32_t i = 1; i < m.program.threads; i++) {
    starts[i] = {&m.threads[i], round};
    if (pthread_create(&threads[i], &attributes, thread_main, &starts[i]) != 0) fail("pthread_create");
  }
  for (uint32_t phase = 0; phase < m.program.phases; phase++) {
    pthread_barrier_wait(&m.phase_begins);
    run_phase(m.threads[0], round, phase);
    pthread_barrier_wait(&m.phase_ends);
    check_everything(m);  // the others wait: none allocates
    for (const Operation& o : m.program.operations)
      if (o.kind == Kind::fork_at_rest && o.round == round && o.phase == phase) {
        t_operation = &o;
        fork_at_rest(m);
        t_operation = nullptr;
      }
  }
  pthread_barrier_wait(&m.phase_begins);
  for (uint32_t i = 1; i < m.program.threads; i++) pthread_join(threads[i], nullptr);
  check_everything(m);
}

// Everything that libc allocates for itself when it is first used is allocated before counting begins: the threads'
// stacks, which glibc keeps with their tables for the next threads.
void warm_up(Model& m, const pthread_attr_t& attributes) {
  static pthread_t threads[64];
  for (uint32_t i = 1; i < m.program.threads; i++)
    if (pthread_create(
            &threads[i], &attributes,
            [](void*) -> void* {
              pthread_barrier_wait(&g_model->phase_begins);
              call_free(call_malloc(10), Family::c, 16);
              return nullptr;
            },
            nullptr) != 0)
      fail("pthread_create");
  pthread_barrier_wait(&m.phase_begins);
  for (uint32_t i = 1; i < m.program.threads; i++) pthread_join(threads[i], nullptr);
  call_reports();
}

void check_end(Model& m) {
  release_everything(m);
  check_everything(m);
  if (auto* const purge = find_purge()) {
    purge(0);
    check_everything(m);
  }
}

}  // namespace

void apply(const Program& program) {
  static Model model{.program = program,
                     .threads = from_kernel<Thread>(program.threads),
                     .alone = program.threads == 1,
                     .intervals = {},
                     .counters = {},
                     .phase_begins = {},
                     .phase_ends = {},
                     .exit_key = {}};
  Model& m = model;
  g_model = &m;
  for (uint32_t i = 0; i < program.threads; i++) {
    Thread& t = m.threads[i];
    t.program = &program;
    t.slots = from_kernel<Block>(program.slots);
    t.index = static_cast<uint16_t>(i);
    t.next_number = uint64_t{i} << 40 | 1;
  }
  pthread_barrier_init(&m.phase_begins, nullptr, program.threads);
  pthread_barrier_init(&m.phase_ends, nullptr, program.threads);
  pthread_key_create(&m.exit_key, at_exit);
  const pthread_attr_t attributes = small_stacks();
  warm_up(m, attributes);
  m.counters.remember_start();
  for (uint32_t round = 0; round < program.rounds; round++) run_round(m, round, attributes);
  check_end(m);
}

}  // namespace hak::test