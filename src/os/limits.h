// What the system lets this process have. Called at start-up by conf and map/, and when a limit is hit.
// Every function asks anew (limits change while a process runs), keeps errno, allocates nothing, takes no lock.
// Threads: any; async-signal-safe. What can't be read has the default that its comment names.
#pragma once

#include <cstdint>

namespace hak::os {

constexpr uint64_t kUnlimited = ~uint64_t{0};

/// Soft limits in bytes, kUnlimited where there is none. Source: getrlimit(2).
uint64_t address_space_limit();  // RLIMIT_AS
uint64_t data_limit();           // RLIMIT_DATA

enum class Overcommit : uint8_t { heuristic = 0, always = 1, strict = 2 };

/// How the kernel promises memory. Default: heuristic. Source: /proc/sys/vm/overcommit_memory.
Overcommit overcommit();

/// How many mappings a process may have. Default: 65530. Source: /proc/sys/vm/max_map_count.
uint64_t max_map_count();

/// How many mappings this process has; 0 where it can't be read. Takes some 10 us for a hundred. Source: /proc/self/maps.
uint64_t mapping_count();

enum class HugePages : uint8_t { never, on_request, always };

/// Whether anonymous memory gets transparent huge pages. Default: never.
/// Source: /sys/kernel/mm/transparent_hugepage/enabled.
HugePages huge_pages();

/// The size of a transparent huge page: 2 MiB where pages are of 4 KiB, on aarch64 32 MiB where they are of 16 KiB, and
/// 512 MiB where of 64. Default: 2 MiB. Source: /sys/kernel/mm/transparent_hugepage/hpage_pmd_size.
uint64_t huge_page_bytes();

/// CPUs that this thread may run on, at least 1. Source: sched_getaffinity(2).
unsigned cpu_count();

/// One past the highest address that the kernel gives without being asked for more: 2^47 on x86-64, 2^39 to 2^48 on
/// aarch64, estimated from where the first stack lies (less under valgrind). Source: getauxval(3), AT_EXECFN.
uint64_t address_end();

/// The least memory limit of the cgroups that this process is in, bytes; kUnlimited where there is none or it can't be
/// read. root: where cgroups are mounted; null: /sys/fs/cgroup. Source: cgroups(7), memory.max of version 2 from the
/// process's group upwards, memory.limit_in_bytes of version 1.
uint64_t cgroup_memory_limit(const char* root);

}  // namespace hak::os
