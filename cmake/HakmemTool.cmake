# The `hakmem` command: ordinary C++ with the standard library. It knows include/hakmem/ and nothing of src/.
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
add_executable(hakmem_tool ${tool_sources})
set_target_properties(hakmem_tool PROPERTIES OUTPUT_NAME hakmem)
target_include_directories(hakmem_tool PRIVATE ${PROJECT_SOURCE_DIR}/tool ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(hakmem_tool PRIVATE _GNU_SOURCE)
target_link_libraries(hakmem_tool PRIVATE hakmem_warnings fmt::fmt CLI11::CLI11)
