#!/bin/sh
# Installs what hakmem needs on Debian 12: scripts/setup.sh run|test|bench
# The sets are the lists in scripts/packages/; each includes the ones before it. Does nothing, quickly, when all is
# there. Needs root or sudo only when something is missing. SETUP=off skips it: then you provide the tools.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
set_name=${1:-run}
case $set_name in
  run) lists="run" ;;
  test) lists="run test" ;;
  bench) lists="run test bench" ;;
  *) echo "usage: scripts/setup.sh run|test|bench" >&2; exit 2 ;;
esac
[ "${SETUP:-on}" != off ] || exit 0

wanted() {
  for list in $lists; do sed 's/#.*//' "$here/packages/$list"; done | tr -s ' \n' '\n' | sed '/^$/d'
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this is not Debian, so nothing is installed for you. hakmem's tools are, by their Debian names:" >&2
  wanted | sed 's/^/  /' >&2
  echo "setup: provide them and run again with SETUP=off" >&2
  exit 1
fi

missing=""
for package in $(wanted); do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null; then
  as_root="sudo"
else
  echo "setup: these packages are missing, and installing them takes root or sudo, neither of which is here:" >&2
  echo "  apt-get install --no-install-recommends$missing" >&2
  echo "setup: run that as root, then run this again" >&2
  exit 1
fi

echo "setup: installing the packages of the set '$set_name' that are missing here${as_root:+, with sudo}:"
echo "$missing" | fold -s -w 100 | sed 's/^ */  /'

# Servers (redis) are wanted as programs to test, not running: policy-rc.d tells their packages so meanwhile.
# shellcheck disable=SC2016,SC2086  # the inner shell expands its own words; the list is words
$as_root sh -c '
  set -eu
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    trap "exit 130" INT TERM
    printf "#!/bin/sh\nexit 101\n" >"$policy"
    chmod +x "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  options="-q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3"
  apt-get $options update >/tmp/hakmem-setup.log 2>&1 ||
    echo "setup: apt-get update failed (see /tmp/hakmem-setup.log); trying with the package lists that are here" >&2
  if ! apt-get $options install -y --no-install-recommends "$@" >>/tmp/hakmem-setup.log 2>&1; then
    tail -n 20 /tmp/hakmem-setup.log >&2
    echo "setup: apt-get could not install the packages; the whole log is /tmp/hakmem-setup.log" >&2
    exit 1
  fi
' setup $missing
echo "setup: done"
