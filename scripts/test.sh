#!/usr/bin/env bash
# Runs all tests of the workspace: its test programs and the examples in the documentation, two at a time, because most of
# them wait most of the time. One line for each, what a failed one said at the end, and the totals in the last line.
#
#   TEST_JOBS=1    one at a time
#
# `cargo test` does the same, one after the other. What each has said is kept in target/test-logs.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
LOGS=$PWD/target/test-logs
[ -z "${CARGO_TARGET_DIR:-}" ] || LOGS=$CARGO_TARGET_DIR/test-logs
export LOGS

# run NAME DIRECTORY PROGRAM: as cargo would, in the directory of the package.
run() {
  local name=$1 log=$LOGS/${1//\//-}.log began=$SECONDS said=ok
  if [ "$name" = documentation ]; then
    documentation
  else
    (cd "$2" && "$3")
  fi >"$log" 2>&1 </dev/null || said=FAILED
  printf '%-6s %4s s  %s\n' "$said" "$((SECONDS - began))" "$name"
  # What is not tested must not be hidden.
  grep SKIPPED "$log" || true
  [ "$said" = ok ] || echo "$log" >>"$LOGS/failed"
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

# Name, directory and program of each, as cargo tells them. Those of the other packages go first: `redis_cli` is one that
# takes long, and would be the last.
programs() {
  sed -n -E '/"profile":\{[^}]*"test":true/s/.*"manifest_path":"([^"]*)\/Cargo.toml".*"executable":"([^"]*)".*/\1 \2/p' |
    sort -k 1,1r -k 2,2 | while read -r directory program; do
    name=${program##*/}
    name=${directory#"$PWD"}/${name%-*}
    printf '%s\0' "${name#/}" "$directory" "$program"
  done
}

rm -rf "$LOGS"
mkdir -p "$LOGS"
cargo test --workspace --no-run --message-format=json-render-diagnostics >"$LOGS/build.json"
export -f run documentation
{
  printf '%s\0' documentation . ''
  programs <"$LOGS/build.json"
} | xargs -0 -n 3 -P "${TEST_JOBS:-2}" bash -euo pipefail -c 'run "$@"' run

if [ -e "$LOGS/failed" ]; then
  while read -r log; do
    printf '\n=== %s\n' "$log"
    cat "$log"
  done <"$LOGS/failed"
fi
# A program that has ended in the middle of a test tells no result.
awk -v seconds="$SECONDS" -v failed="$([ ! -e "$LOGS/failed" ] || wc -l <"$LOGS/failed")" '
  /^test result: / { passed += $4; refused += $6; ignored += $8; programs++ }
  END {
    printf "=== %d passed, %d failed, %d ignored in %d test programs, %d of which failed: %d s\n", passed, refused, ignored, programs, failed, seconds
    exit failed > 0
  }' "$LOGS"/*.log
