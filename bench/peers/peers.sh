#!/usr/bin/env bash
# orgloop beside other durable queues, one after the other on the same disk, each with an fsync before
# its acknowledgement: bench/peers/peers.sh [MESSAGES] [ROUNDS]
#
#   sudo apt-get install redis-server beanstalkd rabbitmq-server postgresql \
#     gcc libpq-dev librabbitmq-dev libsqlite3-dev
#
# 64 producers with 1 KB each wait until their message is durable; 8 consumers take and acknowledge,
# up to 100 at once where the protocol can. orgloop gets webhooks, and its actor is in its own process.
set -euo pipefail
source "$(dirname "$0")/../common.sh"

messages=${1:-100000}
rounds=${2:-3}
subjects=(${SUBJECTS:-orgloop redis beanstalkd postgresql rabbitmq})
benchmarks=$(product Benchmarks)
gcc -O2 -D_GNU_SOURCE -Wall -Wextra "$root/bench/peers/peers.c" -o "$scratch/peers" \
  -I"$(pg_config --includedir)" -lpq -lrabbitmq -lsqlite3 -lpthread
chmod 755 "$scratch"

# A free port of this machine.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

wait_for_port() {
  for _ in $(seq 300); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
    sleep 0.1
  done
  echo "nobody listens on port $port" >&2
  return 1
}

# Postgres and RabbitMQ do not run as root.
as() { # user, command...
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

start_orgloop() {
  : >"$directory/port"
  BENCH_DIR=$directory "$benchmarks" serve routed >"$directory/port" &
  pid=$!
  for _ in $(seq 100); do
    port=$(awk '/^port/ { print $2 }' "$directory/port")
    [ -n "$port" ] && break
    sleep 0.1
  done
  DATABASE=$(find "$directory" -name '*.db')
  export DATABASE
}

start_redis() {
  redis-server --port "$port" --bind 127.0.0.1 --dir "$directory" --appendonly yes \
    --appendfsync always --save '' --auto-aof-rewrite-percentage 0 >"$directory/log" &
  pid=$!
}

start_beanstalkd() {
  mkdir "$directory/wal"
  beanstalkd -l 127.0.0.1 -p "$port" -b "$directory/wal" -f0 2>"$directory/log" &
  pid=$!
}

start_postgresql() {
  local bin
  bin=$(find /usr/lib/postgresql -name initdb -printf '%h' -quit)
  chown postgres "$directory" 2>/dev/null || true
  as postgres "$bin/initdb" -D "$directory/data" -A trust -U bench >"$directory/log"
  as postgres "$bin/postgres" -D "$directory/data" -p "$port" -k "$directory" \
    -c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on -c max_connections=100 \
    2>"$directory/log.server" &
  pid=$!
}

start_rabbitmq() {
  chown rabbitmq "$directory" 2>/dev/null || true
  epmd_port=$(free_port)
  as rabbitmq env RABBITMQ_NODE_PORT="$port" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_NODENAME=bench@localhost RABBITMQ_MNESIA_BASE="$directory" ERL_EPMD_PORT="$epmd_port" \
    RABBITMQ_LOG_BASE="$directory" RABBITMQ_DIST_PORT="$(free_port)" HOME="$directory" \
    /usr/lib/rabbitmq/bin/rabbitmq-server >"$directory/log" 2>&1 &
  pid=$!
}

# Everything that a subject has started, children first.
end_tree() { # process id
  local child
  for child in $(pgrep -P "$1"); do end_tree "$child"; done
  kill -KILL "$1" 2>/dev/null || true
}

measure() { # subject, round
  directory=$scratch/$1.$2
  mkdir -p "$directory"
  port=$(free_port)
  "start_$1"
  started+=("$pid")
  wait_for_port
  "$scratch/peers" "$1" "$port" "$messages" >"$scratch/line"
  end_tree "$pid"
  wait "$pid" 2>/dev/null || true
  [ "$1" != rabbitmq ] || ERL_EPMD_PORT=$epmd_port epmd -kill >/dev/null || true
  rm -rf "${directory:?}"
  awk -v OFS='\t' '{ print $1, $2 "/s", "sends " $3 "/s", "p50 " $4 " ms", "p99 " $5 " ms" }' "$scratch/line"
  awk '{ print $2 }' "$scratch/line" >>"$scratch/$1.rates"
}

load
for round in $(seq "$rounds"); do
  for subject in "${subjects[@]}"; do measure "$subject" "$round"; done
done
[ -e "$scratch/orgloop.rates" ] || exit 0
own=$(median <"$scratch/orgloop.rates")
for subject in "${subjects[@]}"; do
  rate=$(median <"$scratch/$subject.rates")
  printf '%s\tmedian %s/s\torgloop / %s %s\n' "$subject" "$rate" "$subject" "$(ratio "$own" "$rate")"
done
