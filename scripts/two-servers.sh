#!/usr/bin/env bash
# Two empty servers on this machine for the first steps, at the ports that the README's examples name.
#
#   two-servers.sh start   starts them in the background, or says that they run; data lives in memory alone
#   two-servers.sh stop    ends them, and deletes what they left in target/two-servers
#
# The server is what scripts/server.sh finds or gets.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
home=$(dirname "$servers")/two-servers
ports=(63791 63792)

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# process_at PORT: the number of the process that answers there as a server does, by its own word.
process_at() (
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || exit 1
  printf 'INFO server\r\n' >&3
  while IFS= read -r -t 2 line <&3; do
    line=${line%$'\r'}
    if [ "${line%%:*}" = process_id ]; then
      echo "${line#*:}"
      exit 0
    fi
  done
  exit 1
)

# pid_of PORT: the server that was started here, if it still runs: the number in its file may be another process by now.
pid_of() {
  local pid
  pid=$(cat "$home/$1/pid" 2>/dev/null) && [ "$(process_at "$1")" = "$pid" ] && echo "$pid"
}

# wait_until WHAT COMMAND...: gives up after 30 seconds.
wait_until() {
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || die "waited in vain until $what"
    sleep 0.05
  done
}

start_one() { # SERVER PORT
  local folder=$home/$2
  if pid_of "$2" >/dev/null; then
    say "127.0.0.1:$2 runs already"
    return 0
  fi
  mkdir -p "$folder"
  "$1" --port "$2" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes --dir "$folder" \
    --pidfile "$folder/pid" --logfile "$folder/log" >/dev/null || die "$1 does not start: see $folder/log"
  wait_until "127.0.0.1:$2 answers" process_at "$2" >/dev/null
}

is_over() { ! kill -0 "$1" 2>/dev/null; }

stop_one() { # PORT
  local pid
  if pid=$(pid_of "$1"); then
    kill "$pid"
    wait_until "127.0.0.1:$1 has ended" is_over "$pid"
    say "127.0.0.1:$1 is stopped"
  elif is_taken "$1"; then
    die "127.0.0.1:$1 is not stopped: what is there was not started here, or does not answer"
  else
    say "127.0.0.1:$1 does not run"
  fi
  rm -rf "${home:?}/$1"
}

case ${1:-} in
  start)
    server=$("$root/scripts/server.sh")
    # Both or none.
    for port in "${ports[@]}"; do
      pid_of "$port" >/dev/null || ! is_taken "$port" || die "127.0.0.1:$port is taken by another program"
    done
    for port in "${ports[@]}"; do start_one "$server" "$port"; done
    cat <<END
Two servers run: 127.0.0.1:${ports[0]} and 127.0.0.1:${ports[1]} ($("$server" --version | sed 's/ sha=.*//')).

  cargo run --example hello     the first program of the README
  make stop                     ends them; their data is gone then

For the command line and the other examples:

  export REDISCLUSTER_NODES=node_1=127.0.0.1:${ports[0]},node_2=127.0.0.1:${ports[1]}
END
    ;;
  stop)
    for port in "${ports[@]}"; do stop_one "$port"; done
    rm -rf "$home"
    ;;
  *) die "usage: two-servers.sh start|stop" ;;
esac
