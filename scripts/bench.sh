#!/usr/bin/env bash
# Measures rediscluster beside other clients: `make bench` and `make bench BENCH=GROUP`. Gets what it compares with from the
# system's packages where that is missing; what cannot be had is told and left out. RC_NO_SYSTEM_INSTALL=1 leaves the packages
# alone.
#
# usage: bench.sh [GROUP...]
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

links_hiredis() { echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - -lhiredis 2>/dev/null; }

has_benchmark() { type -P "${REDIS_BENCHMARK:-redis-benchmark}" >/dev/null; }

# Debian's lies where daemons lie.
has_twemproxy() { type -P "${NUTCRACKER:-nutcracker}" >/dev/null || [ -x /usr/sbin/nutcracker ]; }

# have CHECK NAME PACKAGE: whether it is here, or could be installed.
have() {
  "$1" && return 0
  if [ "${RC_NO_SYSTEM_INSTALL:-}" != 1 ] && from_apt "$3" && "$1"; then
    return 0
  fi
  say "############ SKIPPED: $2 cannot be had here, so NOTHING is compared with it ############"
  return 1
}

REDIS_SERVER=$("$root/scripts/server.sh")
export REDIS_SERVER

features=()
have links_hiredis hiredis libhiredis-dev && features=(--features hiredis)
have has_benchmark redis-benchmark redis-tools || true
have has_twemproxy twemproxy nutcracker || true

exec cargo run --release --locked --manifest-path "$root/bench/Cargo.toml" ${features[@]+"${features[@]}"} -- "$@"
