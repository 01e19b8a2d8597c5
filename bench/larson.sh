#!/bin/bash
# bench/larson.sh: runs profiles of load programs on several allocators side by side. --help says how.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
profiles=$root/bench/profiles
debian=/usr/lib/$(uname -m)-linux-gnu

usage() {
  cat <<'TEXT'
usage: bench/larson.sh [OPTION...] [PROFILE...] [-- LOAD OPTION...]

Runs each profile on each allocator, in turns, the order reversed every second round, and prints a table: the median
speed, its range over the rounds, peak resident memory, and for profiles that watch it how resident memory grew.
Options behind -- go to the load program, after the profile's own.

  --list              the profiles and what they are; without a PROFILE all of them but soak are run
  --with NAME=PATH    one more allocator, a library to preload; may be repeated
  --lines FILE        append the machine-readable lines there, one of JSON for each run (bench/README.md); -: stdout,
                      and no table
  --help              this

Environment, with defaults:
  LARSON_ALLOCATORS   names in the order of the table: hakmem glibc mimalloc jemalloc tcmalloc tbbmalloc (those that are
                      here) and those of --with
  LARSON_ROUNDS=3     runs of each profile on each allocator; one more goes before them and is thrown away
  LARSON_SECONDS      how long a run is; the profile's, else 1
  LARSON_THREADS      threads; the profile's, else 2
  LARSON_SEED=1       of the random sizes and places
  LARSON_BUILD        where libhakmem.so and bench/ are: build/release, which is brought up to date first; another is
                      taken as it is
  LARSON_LINES        --lines: build/bench/larson.jsonl

Each load asks its own process which malloc it runs on and refuses the wrong one. Exit status: 0; 2 for wrong arguments;
1 when a run failed.
TEXT
}

fail() { echo "larson.sh: $1" >&2; exit "${2:-1}"; }

list() {
  for file in "$profiles"/*; do printf '%-14s %s\n' "$(basename "$file")" "$(sed -n '1s/^# //p' "$file")"; done
}

# --- what to run ------------------------------------------------------------------------------------------------------

declare -A library=(
  [hakmem]="" [glibc]=""
  [mimalloc]=$debian/libmimalloc.so.2 [jemalloc]=$debian/libjemalloc.so.2
  [tcmalloc]=$debian/libtcmalloc_minimal.so.4 [tbbmalloc]=$debian/libtbbmalloc_proxy.so.2
)
known=(hakmem glibc mimalloc jemalloc tcmalloc tbbmalloc)
lines=${LARSON_LINES:-$root/build/bench/larson.jsonl}
rounds=${LARSON_ROUNDS:-3}
wanted=()
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --list) list; exit 0 ;;
    --with)
      [[ ${2:-} == ?*=?* ]] || fail "--with wants NAME=PATH" 2
      known+=("${2%%=*}")
      library[${2%%=*}]=$(realpath -m "${2#*=}")
      shift 2
      ;;
    --lines) lines=${2:?larson.sh: --lines wants a file}; shift 2 ;;
    --) shift; options=("$@"); break ;;
    -*) fail "there is no option $1; --help lists them" 2 ;;
    *) [ -f "$profiles/$1" ] || fail "there is no profile $1; --list names them" 2; wanted+=("$1"); shift ;;
  esac
done
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "LARSON_ROUNDS wants a number from 1, not '$rounds'" 2
if [ ${#wanted[@]} = 0 ]; then
  for file in "$profiles"/*; do
    [ "$(basename "$file")" = soak ] || wanted+=("$(basename "$file")")
  done
fi
[ -z "${LARSON_SECONDS:-}" ] || options=(--seconds "$LARSON_SECONDS" "${options[@]}")
[ -z "${LARSON_THREADS:-}" ] || options=(--threads "$LARSON_THREADS" "${options[@]}")
options=(--seed "${LARSON_SEED:-1}" "${options[@]}")

if [ -n "${LARSON_BUILD:-}" ]; then
  build=$(cd "$LARSON_BUILD" && pwd)
else
  build=$root/build/release
  mkdir -p "$root/build"
  (cd "$root" && { [ -f build/release/build.ninja ] || cmake --preset release; } &&
    cmake --build --preset release --target hakmem_shared bench_loads) >"$root/build/larson.log" 2>&1 ||
    fail "the load programs don't build; see build/larson.log"
fi
library[hakmem]=$build/libhakmem.so

allocators=()
if [ -n "${LARSON_ALLOCATORS:-}" ]; then
  for name in $LARSON_ALLOCATORS; do
    [ -n "${library[$name]+known}" ] || fail "there is no allocator $name; name it by --with $name=PATH" 2
    allocators+=("$name")
  done
else
  for name in "${known[@]}"; do
    if [ "$name" = glibc ] || [ -f "${library[$name]}" ]; then
      allocators+=("$name")
    else
      echo "larson.sh: $name is left out: ${library[$name]} is not here" >&2
    fi
  done
fi

# --- running ----------------------------------------------------------------------------------------------------------

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run PROFILE ALLOCATOR: prints the result line, with the profile and our name of the allocator in front of its members
run() {
  local program words preload=${library[$2]}
  read -r program words < <(sed -n 2p "$profiles/$1")
  # shellcheck disable=SC2086  # a profile's options are words
  env LD_PRELOAD="$preload" "$build/bench/$program" $words "${options[@]}" --json --expect "${preload:-glibc}" |
    sed "s/^{/{\"profile\":\"$1\",\"run_on\":\"$2\",/"
}

for profile in "${wanted[@]}"; do
  for ((round = 0; round <= rounds; round++)); do
    order=("${allocators[@]}")
    if ((round % 2 == 0)); then mapfile -t order < <(printf '%s\n' "${allocators[@]}" | tac); fi
    for name in "${order[@]}"; do
      line=$(run "$profile" "$name") || fail "$profile failed on $name"
      if [ "$round" != 0 ]; then echo "$line" >>"$work/lines"; fi
    done
  done
done

if [ "$lines" = - ]; then
  cat "$work/lines"
  exit 0
fi
mkdir -p "$(dirname "$lines")"
cat "$work/lines" >>"$lines"
"$root/bench/measure/larson_table.py" "$work/lines"
