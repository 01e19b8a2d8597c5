#!/bin/sh
# usage: install_test.sh CMAKE BUILD_FOLDER CXX
# Installs into a new folder and moves it, then: a CMake project links hakmem::hakmem and hakmem::static, another uses
# pkg-config, and the installed hakmem command finds its library. Each program must say that it runs on hakmem.
set -eu
cmake=$1 build=$2 cxx=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$cmake" --install "$build" --prefix "$work/before" >/dev/null
mv "$work/before" "$work/prefix"

mkdir "$work/project"
cat >"$work/project/program.cc" <<'CXX'
#include <cstdio>
#include <string>
#include "hakmem/hakmem.h"
int main() {
  const std::string text(1000, 'x');
  const hakmem_block block = hakmem_block_info(text.data());
  std::printf("%s\n", block.state == HAKMEM_BLOCK_LIVE ? hakmem_version() : "not on hakmem");
}
CXX
cat >"$work/project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(stranger CXX)
find_package(hakmem REQUIRED)
add_executable(with_shared program.cc)
target_link_libraries(with_shared PRIVATE hakmem::hakmem)
add_executable(with_static program.cc)
target_link_libraries(with_static PRIVATE hakmem::static)
CMAKE
if ! {
  "$cmake" -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_COMPILER="$cxx" &&
    "$cmake" --build "$work/project/build"
} >"$work/log" 2>&1; then
  cat "$work/log"
  exit 1
fi

PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name hakmem.pc)")
export PKG_CONFIG_PATH
libdir=$(dirname "$PKG_CONFIG_PATH")
# shellcheck disable=SC2046  # flags are words
"$cxx" "$work/project/program.cc" -o "$work/with_pkg_config" $(pkg-config --cflags --libs hakmem)
"$cxx" "$work/project/program.cc" "$libdir/hakmem.o" -I "$work/prefix/include" -o "$work/with_object"

version=$(pkg-config --modversion hakmem)
status=0
expect() {
  said=$("$@" 2>&1) || said="$said (status $?)"
  if [ "$said" != "$version" ]; then
    echo "$*: said '$said', not '$version'"
    status=1
  fi
}
expect "$work/project/build/with_shared"
expect "$work/project/build/with_static"
expect "$work/with_object"
expect env LD_LIBRARY_PATH="$libdir" "$work/with_pkg_config"
if [ -x "$work/prefix/bin/hakmem" ]; then
  said=$("$work/prefix/bin/hakmem" run cat /proc/self/maps) || status=1
  echo "$said" | grep -q "$libdir/libhakmem.so" || {
    echo "hakmem run: the installed library is not in the program's maps"
    status=1
  }
fi
exit $status
