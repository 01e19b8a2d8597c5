# Programs that are tested on an allocator which serves the whole process, in up to three ways:
#   glibc    the program alone: what the test expects is what glibc does
#   preload  with LD_PRELOAD=libhakmem.so
#   static   linked with libhakmem.a
# Included by the folders of test/ that need it. HAK_TEST_ALLOCATOR tells the program what it must find itself on.
find_package(Threads REQUIRED)
set(HAKMEM_TEST_ROOT ${CMAKE_CURRENT_LIST_DIR}/..)

function(hakmem_test_program_flags target)
  target_link_libraries(${target} PRIVATE hakmem_test_flags Threads::Threads ${CMAKE_DL_LIBS})
  target_include_directories(${target} PRIVATE ${HAKMEM_TEST_ROOT} ${HAKMEM_TEST_ROOT}/../include)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  # what a test calls must be called, and what it does wrong it does on purpose
  target_compile_options(${target} PRIVATE -O1 -g -fno-builtin
    $<$<COMPILE_LANGUAGE:CXX>:-fsized-deallocation>
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-mismatched-new-delete -Wno-use-after-free -Wno-free-nonheap-object>
    $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wno-use-after-free -Wno-free-nonheap-object>)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
endfunction()

# hakmem_test_program(NAME [GTEST] SOURCES source... [LIBRARIES library...])
# Makes NAME, and NAME_static where there is a libhakmem.a. GTEST: with support/gtest_main.cc.
function(hakmem_test_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GTEST" "" "SOURCES;LIBRARIES")
  set(variants ${name})
  if(TARGET hakmem_static)
    list(APPEND variants ${name}_static)
  endif()
  foreach(target IN LISTS variants)
    add_executable(${target} ${arg_SOURCES})
    hakmem_test_program_flags(${target})
    target_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
    if(arg_GTEST)
      target_sources(${target} PRIVATE ${HAKMEM_TEST_ROOT}/support/gtest_main.cc ${HAKMEM_TEST_ROOT}/support/allocator.cc)
      target_link_libraries(${target} PRIVATE GTest::gtest)
    endif()
    if(target MATCHES "_static$")
      target_link_libraries(${target} PRIVATE hakmem_static)
      target_compile_definitions(${target} PRIVATE HAK_TEST_LINKED=1)
    endif()
  endforeach()
endfunction()

# hakmem_test_way(TEST WAY way [LABELS ...] [TIMEOUT s] [ENVIRONMENT ...] COMMAND ...): one ctest, with what every one of ours has
function(hakmem_add_test test)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "COMMAND;LABELS;ENVIRONMENT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(full ${HAKMEM_PRESET}.${folder}.${test})
  add_test(NAME ${full} COMMAND ${arg_COMMAND})
  set_tests_properties(${full} PROPERTIES
    TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77 LABELS "${HAKMEM_PRESET};${folder};${arg_LABELS}" ENVIRONMENT "${arg_ENVIRONMENT}")
  if(arg_SERIAL)
    set_tests_properties(${full} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# hakmem_test_in_all_ways(TEST PROGRAM name [ARGS ...] [WAYS ...] [TIMEOUT s] [LABELS ...])
# Runs the program itself on each allocator.
function(hakmem_test_in_all_ways test)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "PROGRAM;TIMEOUT" "ARGS;WAYS;LABELS;ENVIRONMENT")
  if(NOT arg_WAYS)
    set(arg_WAYS glibc preload static)
  endif()
  set(common TIMEOUT "${arg_TIMEOUT}" LABELS ${arg_LABELS})
  if(arg_SERIAL)
    list(APPEND common SERIAL)
  endif()
  if("glibc" IN_LIST arg_WAYS)
    hakmem_add_test(${test}.glibc ${common} COMMAND ${arg_PROGRAM} ${arg_ARGS}
                    ENVIRONMENT HAK_TEST_ALLOCATOR=glibc ${arg_ENVIRONMENT})
  endif()
  if("preload" IN_LIST arg_WAYS AND HAKMEM_LIB)
    hakmem_add_test(${test}.preload ${common} COMMAND ${arg_PROGRAM} ${arg_ARGS}
                    ENVIRONMENT HAK_TEST_ALLOCATOR=hakmem LD_PRELOAD=${HAKMEM_LIB} ${arg_ENVIRONMENT})
  endif()
  if("static" IN_LIST arg_WAYS AND TARGET ${arg_PROGRAM}_static)
    hakmem_add_test(${test}.static ${common} COMMAND ${arg_PROGRAM}_static ${arg_ARGS}
                    ENVIRONMENT HAK_TEST_ALLOCATOR=hakmem ${arg_ENVIRONMENT})
  endif()
endfunction()
