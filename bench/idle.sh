#!/usr/bin/env bash
# Resident size and CPU of an idle runtime with 100 sources: bench/idle.sh [SECONDS]
set -euo pipefail
source "$(dirname "$0")/common.sh"

seconds=${1:-30}
orgloop=$(product orgloop)
export HOME=$scratch

{
  cat <<'YAML'
apiVersion: orgloop/v1alpha1
kind: Project
metadata: { name: idle }
actors:
  - id: out
    connector: "@orgloop/connector-exec"
    config: { command: ["true"] }
sources:
YAML
  for n in $(seq 40); do
    printf '  - id: hook-%s\n    connector: "@orgloop/connector-webhook"\n' "$n"
  done
  for n in $(seq 30); do
    printf '  - id: clock-%s\n    connector: "@orgloop/connector-cron"\n' "$n"
    printf '    config: { schedules: [{ name: yearly, cron: "0 0 1 1 *" }] }\n'
  done
  for n in $(seq 30); do
    printf '  - id: poll-%s\n    connector: "@orgloop/connector-exec"\n' "$n"
    printf '    poll: { interval: 5m }\n    config: { command: ["true"] }\n'
  done
  echo 'routes:'
  for source in hook-{1..40} clock-{1..30} poll-{1..30}; do
    printf '  - name: from-%s\n    when: { source: %s }\n    then: { actor: out }\n' \
      "$source" "$source"
  done
} >"$scratch/orgloop.yaml"

load
"$orgloop" start --config "$scratch/orgloop.yaml" --db "$scratch/idle.db" --port 0 \
  >"$scratch/out" 2>&1 &
pid=$!
started+=("$pid")
for _ in $(seq 100); do
  grep -q 'OrgLoop is running' "$scratch/out" && break
  sleep 0.1
done
grep 'OrgLoop is running' "$scratch/out" || { cat "$scratch/out" >&2 && exit 1; }

# The first polls and their processes are over by then.
sleep 5
before=$(cpu_ticks "$pid")
sleep "$seconds"
after=$(cpu_ticks "$pid")
awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" \
  -v kb="$(resident_kb "$pid")" 'BEGIN {
    printf "RSS %.1f MB\tCPU %.3f %% of a core over %d s\n", kb / 1000, 100 * ticks / hz / s, s
  }'
grep -E '^(Threads|RssAnon|RssFile)' "/proc/$pid/status"
