# Installation: `cmake --install build/release`. Then find_package(hakmem) gives hakmem::hakmem and hakmem::static,
# and pkg-config knows hakmem.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/hakmem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET hakmem_tool)
  install(TARGETS hakmem_tool hakmem_witness
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(NOT TARGET hakmem_shared)
  return()
endif()

install(TARGETS hakmem_shared hakmem_static EXPORT hakmem-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${HAKMEM_OBJECT} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT hakmem-targets NAMESPACE hakmem:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hakmem)

configure_package_config_file(cmake/hakmem-config.cmake.in ${CMAKE_BINARY_DIR}/hakmem-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hakmem)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/hakmem-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/hakmem-config.cmake ${CMAKE_BINARY_DIR}/hakmem-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/hakmem)

# relative, so that an installed tree may be moved
file(RELATIVE_PATH HAKMEM_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" HAKMEM_PC_TO_PREFIX "${HAKMEM_PC_TO_PREFIX}")
configure_file(cmake/hakmem.pc.in ${CMAKE_BINARY_DIR}/hakmem.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/hakmem.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
