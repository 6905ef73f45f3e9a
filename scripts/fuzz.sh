#!/usr/bin/env bash
# Runs the fuzz targets, or makes the committed corpus anew.
#
#   scripts/fuzz.sh run       each target for FUZZ_SECONDS (10), two at a time
#   scripts/fuzz.sh corpus    what reaches most with least, of all that was found, becomes fuzz/kept
#
# What is read: fuzz/seeds, written by hand; fuzz/kept, found by fuzzers and minimised; both are committed. What is found
# goes to fuzz/corpus, which is not.
#
# RUSTC_BOOTSTRAP lets a stable compiler take the flags of the fuzzer, so that no nightly toolchain is needed. There is no
# address sanitizer: the library has no unsafe code, and without it three times as many inputs are tried.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTC_BOOTSTRAP=1
export FUZZ_SECONDS=${FUZZ_SECONDS:-10}
# A target that runs fewer inputs in a second has something wrong with it: the slowest runs 1,400, the plain ones 50,000.
export FLOOR=50

# Two targets that read the same kind of input share what is kept: one looks at little and tries much.
kept_for() {
  case $1 in
    decode_values) echo decode ;;
    route) echo plan ;;
    *) echo "$1" ;;
  esac
}

run() {
  local target=$1 log=fuzz/corpus/$1.log kept count rate
  kept=$(kept_for "$target")
  mkdir -p "fuzz/artifacts/$target" "fuzz/corpus/$target" "fuzz/kept/$kept" "fuzz/seeds/$kept"
  "$BUILT/$target" "fuzz/corpus/$target" "fuzz/kept/$kept" "fuzz/seeds/$kept" \
    -artifact_prefix="fuzz/artifacts/$target/" -max_total_time="$FUZZ_SECONDS" -print_final_stats=1 >"$log" 2>&1 || {
    cat "$log"
    return 1
  }
  count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$((${count:-0} / FUZZ_SECONDS))
  printf '== fuzz %-14s %9s inputs in %s s, %s a second\n' "$target" "${count:-0}" "$FUZZ_SECONDS" "$rate"
  [ "$rate" -ge "$FLOOR" ] || {
    echo "fuzz $target runs next to nothing: fewer than $FLOOR inputs a second"
    return 1
  }
}

corpus() {
  local kept=$1 target found=() new
  new=$(mktemp -d)
  for target in $(cargo fuzz list); do
    if [ "$(kept_for "$target")" = "$kept" ] && [ -d "fuzz/corpus/$target" ]; then found+=("fuzz/corpus/$target"); fi
  done
  mkdir -p "fuzz/kept/$kept"
  # Long inputs are left out: what they reach short ones reach as well, and the corpus is to stay small.
  "$BUILT/$kept" -merge=1 -max_len=256 "$new" "fuzz/kept/$kept" "fuzz/seeds/$kept" "${found[@]}" >"fuzz/corpus/$kept.log" 2>&1
  rm -rf "fuzz/kept/$kept"
  mv "$new" "fuzz/kept/$kept"
  chmod 755 "fuzz/kept/$kept"
  printf '== kept %-14s %s inputs\n' "$kept" "$(find "fuzz/kept/$kept" -type f | wc -l)"
}

mkdir -p fuzz/corpus
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked --version '^0.13'
cargo fuzz build --sanitizer none
# Built once and run as they are: two that are started by cargo at the same time would wait for one another.
BUILT=${CARGO_TARGET_DIR:-fuzz/target}/$(rustc -vV | sed -n 's/^host: //p')/release
export BUILT
export -f run kept_for
case ${1:-run} in
  run) cargo fuzz list | xargs -P 2 -I '{}' bash -euo pipefail -c 'run {}' ;;
  corpus) for target in $(cargo fuzz list); do [ "$(kept_for "$target")" != "$target" ] || corpus "$target"; done ;;
  *)
    echo "usage: scripts/fuzz.sh [run|corpus]" >&2
    exit 2
    ;;
esac
