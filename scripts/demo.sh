#!/usr/bin/env bash
# Shows the library through its command line: starts 2 masters and 2 replicas on loopback, runs a
# session on them, prints every line with its reply, and leaves nothing behind. Each reply is
# compared with what it has to be, and the exit status is 1 when one differs.
#
#   REDIS_SERVER        the server to use, see scripts/server.sh
#   REDISCLUSTER_CLI    a command line built earlier, instead of building it now
#   NO_COLOR            no colours (nor are there any when the output is not a terminal)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' cyan=$'\e[36m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' cyan='' plain=''
fi

heading() { printf '\n%s== %s ==%s\n' "$bold$cyan" "$*" "$plain"; }
note() { printf '%s# %s%s\n' "$dim" "$*" "$plain"; }
fail() {
  printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# --- the servers, and their end whatever happens ---------------------------------------------------

dir=''
pids=()

clean_up() {
  trap '' HUP INT TERM PIPE # once begun, it is done to the end
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do
    kill -KILL "$pid" 2>/dev/null || true # they hold nothing worth saving
    wait "$pid" 2>/dev/null || true
  done
  pids=()
  [ -z "$dir" ] || rm -rf "$dir"
  dir=''
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# cli WORDS...: the command line, with the replies it gives at a terminal (here its output is read by
# this script, for which it would leave the quotes and numbers out).
cli() { "$rediscluster" --no-raw "$@"; }

# field PORT SECTION NAME: one field of INFO of the server at PORT; empty when it does not answer.
field() {
  "$rediscluster" --raw --direct "127.0.0.1:$1" info "$2" 2>/dev/null |
    tr -d '\r' | sed -n "s/^$3://p" || true
}

# calls PORT COMMAND: how often the server has run COMMAND, by its own count.
calls() {
  local count
  count=$(field "$1" commandstats "cmdstat_$2" | sed 's/^calls=\([0-9]*\).*/\1/')
  echo "${count:-0}"
}

# wait_for WHAT COMMAND...: polls, and gives up after a while.
wait_for() {
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "waited in vain until $what"
    sleep 0.05
  done
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start NAME ARGS...: a server; its port is left in $port.
start() {
  local name=$1 pid log tries=0
  shift
  log=$dir/$name.log
  mkdir "$dir/$name"
  while [ $((tries += 1)) -le 20 ]; do
    # Below 32768, where no system picks the ports that clients call from.
    port=$((20000 + RANDOM % 12000))
    if is_taken "$port"; then continue; fi
    "$server" --port "$port" --bind 127.0.0.1 --save '' --appendonly no --daemonize no --dir "$dir/$name" \
      --repl-diskless-sync yes --repl-diskless-sync-delay 0 "$@" </dev/null >"$log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for "$name answers" is_up_or_over "$port" "$pid"
    kill -0 "$pid" 2>/dev/null && return 0
    grep -q 'Address already in use' "$log" || break # somebody was faster: another port
  done
  cat "$log" >&2
  fail "$name does not start"
}

# By its process number, because another server may have taken the port meanwhile.
is_up_or_over() { ! kill -0 "$2" 2>/dev/null || [ "$(field "$1" server process_id)" = "$2" ]; }

is_online() { # MASTER-PORT REPLICA-PORT
  [ "$(field "$2" replication master_link_status)" = up ] &&
    [[ $(field "$1" replication slave0) == *port=$2,state=online* ]]
}

has_read() { # REPLICA-PORT OFFSET
  local offset
  offset=$(field "$1" replication slave_repl_offset)
  [ -n "$offset" ] && [ "$offset" -ge "$2" ]
}

# Replicas follow their masters a moment later. A person who types does not notice; a script does.
settle() {
  wait_for "node_1's replica has caught up" has_read "$replica_1" "$(field "$master_1" replication master_repl_offset)"
  wait_for "node_2's replica has caught up" has_read "$replica_2" "$(field "$master_2" replication master_repl_offset)"
}

# --- lines of the session --------------------------------------------------------------------------

# line WORDS...: prints them as one would type them.
line() {
  local word text='$'
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:=,-]*) text+=" '$word'" ;;
      *) text+=" $word" ;;
    esac
  done
  printf '%s%s%s\n' "$bold" "$text" "$plain"
}

# run EXPECTED WORDS...: prints a line and its reply, which has to be EXPECTED.
run() {
  local expected=$1 reply status=0
  shift
  line rediscluster "$@"
  reply=$(cli "$@" 2>&1) || status=$?
  printf '%s\n' "$reply"
  [ "$status" -eq 0 ] || fail "exit status $status"
  [ "$reply" = "$expected" ] || fail "the reply had to be: $expected"
  settle
}

# run_set MEMBERS WORDS...: the same for a reply whose order is the server's choice.
run_set() {
  local expected=$1 reply status=0 members
  shift
  line rediscluster "$@"
  reply=$(cli "$@" 2>&1) || status=$?
  printf '%s\n' "$reply"
  [ "$status" -eq 0 ] || fail "exit status $status"
  members=$(printf '%s\n' "$reply" | sed 's/^ *[0-9]*) "\(.*\)"$/\1/' | sort | tr '\n' ' ')
  [ "$members" = "$expected " ] || fail "the members had to be: $expected"
}

# count NAME: the counters of all servers, kept in NAME_get and NAME_set as lists in the order of the
# servers: node_1's master and replica, node_2's master and replica.
count() {
  local port gets='' sets=''
  for port in "$master_1" "$replica_1" "$master_2" "$replica_2"; do
    gets+="$(calls "$port" get) "
    sets+="$(calls "$port" set) "
  done
  printf -v "$1_get" %s "${gets% }"
  printf -v "$1_set" %s "${sets% }"
}

# table: what the servers have counted between `count before` and `count after`.
table() {
  local names=('node_1 master' 'node_1 replica' 'node_2 master' 'node_2 replica')
  local ports=("$master_1" "$replica_1" "$master_2" "$replica_2")
  local get_0 get_1 set_0 set_1 at colour
  # shellcheck disable=SC2154 # set by `count`
  read -ra get_0 <<<"$before_get" && read -ra get_1 <<<"$after_get" &&
    read -ra set_0 <<<"$before_set" && read -ra set_1 <<<"$after_set"
  printf '  %-15s %-17s %-13s %s\n' server address 'GET calls' 'SET calls'
  for at in 0 1 2 3; do
    colour=$dim
    [ "${get_0[at]} ${set_0[at]}" = "${get_1[at]} ${set_1[at]}" ] || colour=$green
    printf '%s  %-15s %-17s %3s -> %-6s %3s -> %s%s\n' "$colour" "${names[at]}" "127.0.0.1:${ports[at]}" \
      "${get_0[at]}" "${get_1[at]}" "${set_0[at]}" "${set_1[at]}" "$plain"
  done
}

# added BEFORE AFTER: the differences of two such lists.
added() {
  local before after at sum=''
  read -ra before <<<"$1"
  read -ra after <<<"$2"
  for at in 0 1 2 3; do sum+="$((after[at] - before[at])) "; done
  echo "${sum% }"
}

# --- the demo --------------------------------------------------------------------------------------

server=$(scripts/server.sh)
# Called only now, so that what cargo and the package managers say comes first.
if [ -n "${REDISCLUSTER_CLI:-}" ]; then
  rediscluster=$REDISCLUSTER_CLI
else
  # Cargo itself says where the program is: the target directory is the user's choice.
  echo 'demo: building the command line' >&2
  rediscluster=$(cargo build --quiet -p rediscluster-cli --bin rediscluster --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
fi
[ -x "$rediscluster" ] || fail "no command line was built"
# What the user has set for servers of their own must not lead the demo there.
unset REDISCLUSTER_NODES

dir=$(mktemp -d "${TMPDIR:-/tmp}/rediscluster-demo.XXXXXX")

heading "2 masters, 2 replicas: $("$server" --version | sed 's/ sha=.*//')"
start master_1
master_1=$port
start master_2
master_2=$port
start replica_1 --replicaof 127.0.0.1 "$master_1"
replica_1=$port
start replica_2 --replicaof 127.0.0.1 "$master_2"
replica_2=$port
wait_for "node_1's replica is online" is_online "$master_1" "$replica_1"
wait_for "node_2's replica is online" is_online "$master_2" "$replica_2"
note 'Only the masters are named; they are asked for their replicas.'
line export "REDISCLUSTER_NODES=node_1=127.0.0.1:$master_1,node_2=127.0.0.1:$master_2"
export REDISCLUSTER_NODES="node_1=127.0.0.1:$master_1,node_2=127.0.0.1:$master_2"

heading 'Where keys land'
at_1="node_1"$'\t'"127.0.0.1:$master_1"
at_2="node_2"$'\t'"127.0.0.1:$master_2"
run "foo"$'\t'"$at_2"$'\n'"bar"$'\t'"$at_1"$'\n'"foobar"$'\t'"$at_2" node-for foo bar foobar

heading 'A key'
run OK set foo bar
run '"bar"' get foo

heading "A key on another key's node"
note '"bar{foo}" is the key bar, kept on the node of foo.'
run OK set 'bar{foo}' bar
run '"bar"' get 'bar{foo}'
note "Asked directly, foo's server holds it by the name bar, and node_1 does not hold it:"
run '"bar"' --direct "127.0.0.1:$master_2" get bar
run '(nil)' --direct "127.0.0.1:$master_1" get bar

heading 'Several keys at once'
run OK mset 'bar{foo}' bar foo foo
run $'1) "bar"\n2) "foo"' mget 'bar{foo}' foo
run '(integer) 2' del 'bar{foo}' foo

heading 'Sets on different nodes, computed as if on one'
run '(integer) 3' sadd foo a1 a2 a3
run '(integer) 3' sadd bar b1 a2 b3
run '(integer) 2' sdiffstore foobar foo bar
run_set 'a1 a3' smembers foobar

heading 'Reads go to replicas, writes to masters'
count before
run OK set foo bar
run '"bar"' get foo
count after
note "INFO commandstats of each server, before and after these two lines:"
table
# The master counted the write and nobody but its replica, which gets it from the master.
[ "$(added "$before_get" "$after_get")" = '0 0 0 1' ] || fail "the read had to be answered by node_2's replica"
[ "$(added "$before_set" "$after_set")" = '0 0 1 1' ] || fail "the write had to be taken by node_2's master"
note "The read: node_2's replica. The write: node_2's master, which passed it on to its replica."

heading 'The same with masters only'
count before
run OK --masters-only set foo bar
run '"bar"' --masters-only get foo
count after
table
[ "$(added "$before_get" "$after_get")" = '0 0 1 0' ] || fail "the read had to be answered by node_2's master"
[ "$(added "$before_set" "$after_set")" = '0 0 1 1' ] || fail "the write had to be taken by node_2's master"
note "The read: node_2's master. The write: as before."

clean_up
heading 'Your own servers'
cat <<END
Every reply above was what it had to be, and the servers of this demo are gone.
To use your own, name their masters:

  cargo install --path cli
  export REDISCLUSTER_NODES=node_1=HOST:PORT,node_2=HOST:PORT
  rediscluster nodes
  rediscluster get foo
  rediscluster --help

Without installing it: cargo run --quiet -p rediscluster-cli -- get foo
END
