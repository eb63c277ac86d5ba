# What the scripts in this folder share; sourced, not run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The built products; nothing here builds them. CONFIGURATION=debug only tries a script out.
product() { # name
  local path
  path=$root/.build/${CONFIGURATION:-release}/$1
  if [ ! -x "$path" ]; then
    echo "build it first: swift build -c release --static-swift-stdlib --product $1" >&2
    return 1
  fi
  echo "$path"
}

# Only what these scripts started is ended, by its process id.
started=()
scratch=$(mktemp -d "${BENCH_DIR:-/tmp}/orgloop-bench-XXXXXX")

end() { # process id
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

clean_up() {
  local pid
  for pid in "${started[@]}"; do end "$pid"; done
  rm -rf "$scratch"
}
trap clean_up EXIT

load() { echo "load $(cut -d' ' -f1 /proc/loadavg)"; }

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int(NR / 2) + 1] }'; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

resident_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }

# Ticks of user and system time; the name before them is in parentheses and has no spaces here.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
