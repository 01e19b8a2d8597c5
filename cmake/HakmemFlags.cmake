# Flags as interface targets: hakmem_public (definitions and include folders that tests need too),
# hakmem_core_flags (how src/ is compiled), hakmem_warnings (everything that is ours).
include(CheckCXXCompilerFlag)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)

# -std=c++20, not gnu++20. Optimised builds have debug info.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-gdwarf-4)  # valgrind 3.19 can't read clang's DWARF 5
endif()

add_library(hakmem_warnings INTERFACE)
target_compile_options(hakmem_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

add_library(hakmem_public INTERFACE)
target_include_directories(hakmem_public INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(hakmem_public INTERFACE
  _GNU_SOURCE HAKMEM_DEBUG=$<BOOL:${HAKMEM_DEBUG}> HAKMEM_COUNTERS=$<BOOL:${HAKMEM_COUNTERS}>)

add_library(hakmem_core_flags INTERFACE)
target_link_libraries(hakmem_core_flags INTERFACE hakmem_warnings)
target_compile_options(hakmem_core_flags INTERFACE
  -fPIC
  -fno-exceptions -fno-rtti       # src/api/new.cc alone throws: cmake/HakmemLibrary.cmake
  -fvisibility=hidden -fno-semantic-interposition -fno-plt $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>
  -fno-builtin                    # or the compiler makes calloc's body a call of calloc
  -funwind-tables -fasynchronous-unwind-tables
  -foptimize-sibling-calls        # at -O1 too: sites and reports name the caller of the function a fast path ends in
  -fno-threadsafe-statics)        # __cxa_guard_* is libstdc++'s

if(HAKMEM_DLOPEN_SAFE_TLS)
  target_compile_options(hakmem_core_flags INTERFACE -ftls-model=global-dynamic)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    check_cxx_compiler_flag(-mtls-dialect=gnu2 HAKMEM_HAS_TLSDESC)  # descriptors: no call of the allocator
    if(HAKMEM_HAS_TLSDESC)
      target_compile_options(hakmem_core_flags INTERFACE -mtls-dialect=gnu2)
    else()
      target_compile_definitions(hakmem_core_flags INTERFACE HAKMEM_TLS_BY_CALL=1)
    endif()
  endif()
else()
  target_compile_options(hakmem_core_flags INTERFACE -ftls-model=initial-exec)
endif()

# Sanitizers. `undefined` traps without a run-time library in src/, so that the real libhakmem.so can be tested
# with it (a finding is a SIGILL: look at it in gdb).
if(HAKMEM_SANITIZE STREQUAL "undefined")
  target_compile_options(hakmem_core_flags INTERFACE
    -fsanitize=undefined -fno-sanitize=vptr -fsanitize-undefined-trap-on-error)
elseif(HAKMEM_SANITIZE)
  add_compile_options(-fsanitize=${HAKMEM_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HAKMEM_SANITIZE})
  if(HAKMEM_SANITIZE STREQUAL "thread")
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)  # fences: tsan takes them for nothing
    # tsan's fixed shadow collides with the address randomisation of newer kernels
    execute_process(COMMAND setarch -R true RESULT_VARIABLE setarch_failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT setarch_failed)
      set(CMAKE_CROSSCOMPILING_EMULATOR "setarch;-R")
    endif()
  endif()
endif()
