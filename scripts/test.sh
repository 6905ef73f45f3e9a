#!/usr/bin/env bash
# Gets the servers that the tests need, then runs all tests of the workspace: its test programs and the examples in the
# documentation, two at a time, because most of them wait most of the time. One line for each, when it has ended. Then what failed
# ones said, what was skipped and why, and in the last line the totals.
#
#   TEST_JOBS=1    one at a time
#
# `cargo test` does the same, one after the other. What each has said is kept in target/test-logs.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
LOGS=$PWD/target/test-logs
[ -z "${CARGO_TARGET_DIR:-}" ] || LOGS=$CARGO_TARGET_DIR/test-logs
# Where tests tell what they skip, also those whose output is not shown.
SKIPPED_LOG=$LOGS/skipped
export LOGS SKIPPED_LOG

# The tests get these by environment variables. Without a server there is nothing to test with, so that is an error. Without
# redis-cli, or one of the servers that the command table is compared with, only that comparison is missing.
servers() {
  REDIS_SERVER=$(scripts/server.sh)
  export REDIS_SERVER
  echo "server: $REDIS_SERVER ($("$REDIS_SERVER" --version))"
  if REDIS_CLI=$(scripts/server.sh --cli); then
    export REDIS_CLI
    echo "redis-cli: $REDIS_CLI ($("$REDIS_CLI" --version))"
  else
    unset REDIS_CLI
  fi
  REDISCLUSTER_SERVERS=$(scripts/servers.sh 2> >(tee "$LOGS/servers" >&2)) || true
  export REDISCLUSTER_SERVERS
  echo "$REDISCLUSTER_SERVERS"
}

# run NAME DIRECTORY PROGRAM: as cargo would, in the directory of the package.
run() {
  local name=$1 log=$LOGS/${1//\//-}.log began=$SECONDS said=ok
  if [ "$name" = documentation ]; then
    documentation
  else
    (cd "$2" && "$3")
  fi >"$log" 2>&1 </dev/null || said=FAILED
  [ "$said" = ok ] || echo "$log" >>"$LOGS/failed"
  echo "$name" >>"$LOGS/ended"
  printf '%3d/%d  %-6s %4s s  %s\n' "$(wc -l <"$LOGS/ended")" "$PROGRAMS" "$said" "$((SECONDS - began))" "$name"
}

# Each example is a program, and a linker takes much longer for 500 small ones than for one large one. From edition 2024 on the
# compiler makes them one. This library is of 2021, so it is asked for by a flag where the compiler knows that; RUSTC_BOOTSTRAP
# lets a stable one take it. An example that cannot be part of a larger program is no mistake: then each is built by itself,
# which also says where one stands that does not build at all.
documentation() {
  if RUSTC_BOOTSTRAP=1 rustdoc -Z unstable-options --help 2>/dev/null | grep -e '--merge-doctests' >/dev/null; then
    RUSTC_BOOTSTRAP=1 RUSTDOCFLAGS='-Z unstable-options --merge-doctests=yes' cargo test --workspace --doc && return 0
    grep -q 'failed to merge doctests' "$log" || return 1
  fi
  cargo test --workspace --doc
}

# Name, directory and program of each, as cargo tells them. Those of the command line go first: `redis_cli` is one that
# takes long, and would be the last.
programs() {
  sed -n -E '/"profile":\{[^}]*"test":true/s/.*"manifest_path":"([^"]*)\/Cargo.toml".*"executable":"([^"]*)".*/\1 \2/p' |
    sort -k 1,1 -k 2,2 | while read -r directory program; do
    name=${program##*/}
    name=${directory#"$PWD"}/${name%-*}
    printf '%s\0' "${name#/}" "$directory" "$program"
  done
}

# What did not run, beside what tests have told: tests and examples that are ignored, and programs that are not here.
skipped() {
  local log name
  for log in "$LOGS"/*.log; do
    name=$(basename "$log" .log)
    sed -n -e "s/^.*SKIPPED: \(.*\)$/$name: \1/p" -e "s/^test \(.*\) \.\.\. ignored\(.*\)$/$name: \1 is ignored\2/p" "$log"
  done
  sed -n 's/^.*SKIPPED: \(.*[^# ]\)[# ]*$/\1/p' "$LOGS/servers"
  [ -n "${REDIS_CLI:-}" ] || echo 'no redis-cli 7.0 or newer, so the command line is not compared with it'
}

rm -rf "$LOGS"
mkdir -p "$LOGS"
servers
cargo test --workspace --no-run --message-format=json-render-diagnostics >"$LOGS/build.json"
{
  printf '%s\0' documentation . ''
  programs <"$LOGS/build.json"
} >"$LOGS/programs"
PROGRAMS=$(($(tr -cd '\0' <"$LOGS/programs" | wc -c) / 3))
export PROGRAMS
export -f run documentation
xargs -0 -n 3 -P "${TEST_JOBS:-2}" bash -euo pipefail -c 'run "$@"' run <"$LOGS/programs"

if [ -e "$LOGS/failed" ]; then
  while read -r log; do
    printf '\n=== %s\n' "$log"
    cat "$log"
  done <"$LOGS/failed"
fi
skipped >>"$SKIPPED_LOG"
if [ -s "$LOGS/skipped" ]; then
  printf '\n=== skipped\n'
  sort "$LOGS/skipped" | uniq -c
fi
# A program that has ended in the middle of a test tells no result.
awk -v seconds="$SECONDS" -v failed="$([ ! -e "$LOGS/failed" ] || wc -l <"$LOGS/failed")" \
  -v skipped="$(wc -l <"$LOGS/skipped")" '
  /^test result: / { passed += $4; refused += $6; programs++ }
  END {
    printf "\n=== %d test programs in %d s, %d of which failed\n", programs, seconds, failed
    if (failed > 0 && refused == 0) refused = failed
    printf "%d passed, %d failed, %d skipped\n", passed, refused, skipped
    exit failed > 0
  }' "$LOGS"/*.log
