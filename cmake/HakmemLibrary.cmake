# What a program uses: libhakmem.so (preload or link), libhakmem.a and hakmem.o (static).
add_library(hakmem_api_objects OBJECT ${api_sources})
target_link_libraries(hakmem_api_objects PUBLIC hakmem_public PRIVATE hakmem_core_flags)
# operator new throws std::bad_alloc when the program has a libstdc++ to throw it with. Last flag wins.
set_source_files_properties(src/api/new.cc PROPERTIES COMPILE_OPTIONS "-fexceptions")

set(library_objects $<TARGET_OBJECTS:hakmem_core_objects> $<TARGET_OBJECTS:hakmem_api_objects>)

# Linked by the C driver, because g++ always adds libstdc++; libgcc's unwinder comes in statically. CMake would
# add libstdc++ by itself for objects that were C++ once; programs that are C++ get it from their own driver.
set(CMAKE_CXX_IMPLICIT_LINK_LIBRARIES "")
add_library(hakmem_shared SHARED ${library_objects})
set_target_properties(hakmem_shared PROPERTIES
  OUTPUT_NAME hakmem LINKER_LANGUAGE C EXPORT_NAME hakmem
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/api/exports.map)
target_include_directories(hakmem_shared INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_options(hakmem_shared PRIVATE
  -static-libgcc
  LINKER:--version-script=${PROJECT_SOURCE_DIR}/src/api/exports.map
  LINKER:--exclude-libs,ALL LINKER:-z,defs LINKER:-z,now LINKER:-z,relro LINKER:-z,nodelete
  LINKER:--build-id=sha1)

# One relocatable object. Its inner names become local, so that they can't meet the program's; groups are dissolved
# first, or the linker might drop "our" copy of an inline function in favour of the program's.
set(single_object ${CMAKE_BINARY_DIR}/hakmem.o)
add_custom_command(OUTPUT ${single_object}
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -Wl,--force-group-allocation -o ${single_object}.tmp ${library_objects}
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${single_object}.tmp ${single_object}
  COMMAND ${CMAKE_COMMAND} -E rm ${single_object}.tmp
  DEPENDS hakmem_core_objects hakmem_api_objects ${library_objects}
  COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking relocatable object hakmem.o")
add_custom_target(hakmem_object ALL DEPENDS ${single_object})
set(HAKMEM_OBJECT ${single_object})

# The archive holds that one object: a program gets all of hakmem or none of it, never malloc without free.
add_library(hakmem_static STATIC ${single_object})
add_dependencies(hakmem_static hakmem_object)
set_target_properties(hakmem_static PROPERTIES OUTPUT_NAME hakmem LINKER_LANGUAGE C EXPORT_NAME static)
set_source_files_properties(${single_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
target_include_directories(hakmem_static INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
