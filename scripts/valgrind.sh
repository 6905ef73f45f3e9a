#!/usr/bin/env bash
# Gets valgrind, which counts instructions, from the system's packages when there is none. RC_NO_SYSTEM_INSTALL=1 leaves them
# alone. Exit status: 0 when valgrind runs, else 1.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# `true` under its simplest tool: a valgrind that lacks something of the system's library does not get that far.
runs() { valgrind --tool=none true >/dev/null 2>&1; }

runs && exit 0
if [ "${RC_NO_SYSTEM_INSTALL:-}" != 1 ]; then
  { from_apt valgrind && runs; } && exit 0
  { from_dnf valgrind && runs; } && exit 0
fi
die "no valgrind, and none could be installed"
