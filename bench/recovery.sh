#!/usr/bin/env bash
# Time from `start --daemon` to ready, with nothing to recover and with unsettled deliveries:
# bench/recovery.sh [DELIVERIES] [ROUNDS]
set -euo pipefail
source "$(dirname "$0")/common.sh"

deliveries=${1:-100000}
rounds=${2:-3}
orgloop=$(product orgloop)
export HOME=$scratch
db=$scratch/recovery.db

# The actor takes its time, so that starting is measured and not delivering.
cat >"$scratch/orgloop.yaml" <<'YAML'
apiVersion: orgloop/v1alpha1
kind: Project
metadata: { name: recovery }
sources:
  - id: in
    connector: "@orgloop/connector-webhook"
actors:
  - id: slow
    connector: "@orgloop/connector-exec"
    config: { command: [sleep, "5"] }
routes:
  - name: all
    when: { source: in }
    then: { actor: slow }
YAML

# Starts, prints seconds and RSS, and ends the runtime as a crash would.
measure() { # name
  local began ended pid
  began=$(date +%s.%N)
  "$orgloop" start --daemon --config "$scratch/orgloop.yaml" --db "$db" --port 0 >"$scratch/out"
  ended=$(date +%s.%N)
  pid=$(sqlite3 "$db" 'SELECT pid FROM v_runtime')
  started+=("$pid")
  awk -v a="$began" -v b="$ended" -v kb="$(resident_kb "$pid")" -v name="$1" -v \
    n="$(sqlite3 "$db" 'SELECT count(*) FROM queue')" \
    'BEGIN { printf "%s\t%.3f s\tRSS %.1f MB\t%d unsettled\n", name, b - a, kb / 1000, n }'
  end "$pid"
}

load
measure 'first start'
for _ in $(seq "$rounds"); do measure 'nothing to recover'; done
sed "s/:deliveries/$deliveries/" "$root/bench/unsettled.sql" | sqlite3 "$db"
for _ in $(seq "$rounds"); do measure 'recovery'; done
