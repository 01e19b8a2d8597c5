#include "os/fault.h"

#include "base/scan.h"

namespace hak::os::fault {

constinit std::atomic<bool> g_armed{false};

namespace {

// Written by arm and disarm, counted by every caller; relaxed as g_armed: a caller may see a half-armed refusal only
// while a test arms it, and then acts as if it came a moment later or earlier.
struct Armed {
  std::atomic<uint64_t> from{1};
  std::atomic<uint64_t> times{0};  // 0: not armed
  std::atomic<int> error{0};
  std::atomic<uint64_t> seen{0};
  std::atomic<uint64_t> refused{0};
};
constinit Armed g_refusals[kCallCount];

Armed& armed(Call call) { return g_refusals[static_cast<size_t>(call)]; }

struct ErrorName {
  std::string_view name;
  int error;
};
constexpr ErrorName kErrors[] = {
    {"EACCES", EACCES}, {"EAGAIN", EAGAIN}, {"EEXIST", EEXIST}, {"EINVAL", EINVAL},
    {"ENOMEM", ENOMEM}, {"ENOSYS", ENOSYS}, {"EPERM", EPERM},
};

bool take_error(std::string_view& text, int& error) {
  uint64_t number = 0;
  if (take_decimal(text, number)) {
    error = static_cast<int>(number);
    return number > 0 && number < 4096;
  }
  for (const ErrorName& e : kErrors) {
    if (!take(text, e.name)) continue;
    error = e.error;
    return true;
  }
  return false;
}

// CALL[@FROM][xTIMES][=ERRNO]
bool parse_one(std::string_view text, Refusal& refusal) {
  for (const CallName& call : kCalls) {
    std::string_view rest = text;
    if (!take(rest, call.name)) continue;
    refusal = {.call = call.call, .error = call.usual_errno};
    if (take(rest, "@") && (!take_decimal(rest, refusal.from) || refusal.from == 0)) return false;
    if (take(rest, "x") && !take_decimal(rest, refusal.times)) return false;
    if (take(rest, "=") && !take_error(rest, refusal.error)) return false;
    return rest.empty();
  }
  return false;
}

}  // namespace

void arm(const Refusal& refusal) {
  Armed& a = armed(refusal.call);
  a.times.store(0, std::memory_order_relaxed);
  a.from.store(refusal.from, std::memory_order_relaxed);
  a.error.store(refusal.error, std::memory_order_relaxed);
  a.seen.store(0, std::memory_order_relaxed);
  a.refused.store(0, std::memory_order_relaxed);
  a.times.store(refusal.times, std::memory_order_relaxed);
  g_armed.store(true, std::memory_order_relaxed);
}

bool arm_from_text(std::string_view text) {
  Refusal refusals[kCallCount];
  size_t count = 0;
  if (text.ends_with('+')) return false;
  do {
    if (count == kCallCount || !parse_one(take_until(text, '+'), refusals[count])) return false;
    ++count;
  } while (!text.empty());
  for (size_t i = 0; i < count; ++i) arm(refusals[i]);
  return true;
}

void disarm() {
  g_armed.store(false, std::memory_order_relaxed);
  for (Armed& a : g_refusals) a.times.store(0, std::memory_order_relaxed);
}

uint64_t refused_count(Call call) { return armed(call).refused.load(std::memory_order_relaxed); }

int next_refusal(Call call) {
  Armed& a = armed(call);
  const uint64_t times = a.times.load(std::memory_order_relaxed);
  const uint64_t number = a.seen.fetch_add(1, std::memory_order_relaxed) + 1;
  const uint64_t from = a.from.load(std::memory_order_relaxed);
  if (number < from || number - from >= times) return 0;
  a.refused.fetch_add(1, std::memory_order_relaxed);
  return a.error.load(std::memory_order_relaxed);
}

}  // namespace hak::os::fault
