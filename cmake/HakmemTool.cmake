# The `hakmem` command: ordinary C++ with the standard library. It knows include/hakmem/ and nothing of src/.
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

set(witness_sources ${tool_sources})
list(FILTER tool_sources EXCLUDE REGEX "/tool/witness/")
list(FILTER witness_sources INCLUDE REGEX "/tool/witness/")

add_executable(hakmem_tool ${tool_sources})
set_target_properties(hakmem_tool PROPERTIES OUTPUT_NAME hakmem)
target_include_directories(hakmem_tool PRIVATE ${PROJECT_SOURCE_DIR}/tool ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(hakmem_tool PRIVATE _GNU_SOURCE)
target_link_libraries(hakmem_tool PRIVATE
  hakmem_warnings fmt::fmt CLI11::CLI11 nlohmann_json::nlohmann_json PkgConfig::RE2)

# Preloaded into the programs that `hakmem compare` runs: libc alone, so linked by the C driver.
set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")
add_library(hakmem_witness SHARED ${witness_sources})
set_target_properties(hakmem_witness PROPERTIES OUTPUT_NAME hakmem-witness LINKER_LANGUAGE C)
target_compile_definitions(hakmem_witness PRIVATE _GNU_SOURCE)
target_compile_options(hakmem_witness PRIVATE -fno-exceptions -fno-rtti -fvisibility=hidden -fno-builtin -fplt)
target_link_options(hakmem_witness PRIVATE LINKER:-z,defs LINKER:-z,now LINKER:-z,relro)
target_link_libraries(hakmem_witness PRIVATE hakmem_warnings)
add_dependencies(hakmem_tool hakmem_witness)
