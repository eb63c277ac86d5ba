#!/usr/bin/env bash
# Durable HTTP intake with 64 connections, against the same server without the store and against
# plain Hummingbird: bench/http.sh [SECONDS] [ROUNDS]
set -euo pipefail
source "$(dirname "$0")/common.sh"

seconds=${1:-8}
rounds=${2:-3}
connections=64
subjects=(plain fixed intake routed)
benchmarks=$(product Benchmarks)
command -v wrk >/dev/null || { echo "apt-get install wrk" >&2 && exit 1; }

# Starts a subject with a file of its own; leaves $pid and $port.
start() { # subject
  local directory=$scratch/$1.$2
  mkdir -p "$directory"
  : >"$directory/port"
  BENCH_DIR=$directory "$benchmarks" serve "$1" >"$directory/port" &
  pid=$!
  started+=("$pid")
  for _ in $(seq 100); do
    port=$(awk '/^port/ { print $2 }' "$directory/port")
    [ -n "$port" ] && return
    sleep 0.1
  done
  echo "$1 does not listen" >&2
  return 1
}

measure() { # subject, round
  local report=$scratch/$1.$2.txt rate errors p99
  start "$1" "$2"
  wrk -t1 -c"$connections" -d1s -s "$root/bench/post.lua" "http://127.0.0.1:$port/webhook/in" \
    >/dev/null
  wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$root/bench/post.lua" \
    "http://127.0.0.1:$port/webhook/in" >"$report"
  end "$pid"
  rm -rf "${scratch:?}/$1.$2"
  if grep -E 'Non-2xx|Socket errors' "$report"; then echo "$1 had errors" >&2 && return 1; fi
  rate=$(awk '/^Requests\/sec/ { print $2 }' "$report")
  p99=$(awk '$1 == "99%" { print $2 }' "$report")
  echo "$rate" >>"$scratch/$1.rates"
  printf '%s\t%s/s\tp99 %s\n' "$1" "$rate" "$p99"
}

load
for round in $(seq "$rounds"); do
  for subject in "${subjects[@]}"; do measure "$subject" "$round"; done
done

declare -A rate
for subject in "${subjects[@]}"; do rate[$subject]=$(median <"$scratch/$subject.rates"); done
for subject in "${subjects[@]}"; do
  printf '%s\tmedian %s/s\tof plain %s\tof fixed %s\n' "$subject" "${rate[$subject]}" \
    "$(ratio "${rate[$subject]}" "${rate[plain]}")" \
    "$(ratio "${rate[$subject]}" "${rate[fixed]}")"
done
