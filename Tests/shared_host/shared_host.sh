#!/usr/bin/env bash
# The shared-host scenario: alice, bob and charlie, one runtime, a group that may use its socket.
# Played through with real users: shared_host.sh BINARY. Needs root; says so and ends well without.
set -euo pipefail

binary=$(realpath "${1:?usage: shared_host.sh BINARY}")
group=orgloop-shared
members=(orgloop-host alice bob charlie)
outsider=mallory
users=("${members[@]}" "$outsider")

if [ "$(id -u)" -ne 0 ]; then
  echo "skipped: only root can make the users of this test"
  exit 0
fi
for user in "${users[@]}"; do
  if getent passwd "$user" >/dev/null; then
    echo "skipped: there is a user $user already, and this test would remove it"
    exit 0
  fi
done
if getent group "$group" >/dev/null; then
  echo "skipped: there is a group $group already, and this test would remove it"
  exit 0
fi

directory=$(mktemp -d "${TMPDIR:-/tmp}/orgloop-shared-XXXXXX")
db=$directory/shared/orgloop.db
made=()
runtime=

# Ends what was started and removes what was made, in that order, whatever has happened.
clean_up() {
  local user
  if [ -n "$runtime" ]; then
    kill -KILL "$runtime" 2>/dev/null || true
    wait "$runtime" 2>/dev/null || true
  fi
  for user in "${made[@]}"; do userdel --remove "$user" 2>/dev/null || userdel "$user"; done
  # userdel takes a user's own group with it, never one that others are in.
  groupdel "$group" 2>/dev/null || true
  rm -rf "$directory"
}
trap clean_up EXIT

passed=0
failed=0

check() { # name, status of what was checked, what was seen
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1))
    echo "  ok     $1"
  else
    failed=$((failed + 1))
    echo "  FAILED $1"
    printf '%s\n' "${3:-}" | sed 's/^/           /'
  fi
}

matches() { # name, extended regular expression, text: one of its lines matches as a whole
  local status=0
  grep -Exq -- "$2" <<<"$3" || status=1
  check "$1" "$status" "$3"
}

# Runs a command of a user in their home, as after a login.
as() { # user, words of orgloop
  local user=$1
  shift
  runuser -u "$user" -- env -i HOME="/home/$user" USER="$user" PATH=/usr/bin:/bin LANG=C.UTF-8 \
    SWIFT_BACKTRACE=enable=no sh -c 'cd && umask 022 && exec "$@"' orgloop \
    "$directory/bin/orgloop" "$@" --db "$db"
}

# The members share what they load: the runtime reads the files as its own user.
make_users() {
  local user
  groupadd "$group"
  for user in "${users[@]}"; do
    useradd --create-home --home-dir "/home/$user" --shell /bin/sh "$user"
    made+=("$user")
    chmod 755 "/home/$user"
  done
  for user in "${members[@]}"; do usermod --append --groups "$group" "$user"; done
  chmod 755 "$directory"
  install -D -m 755 "$binary" "$directory/bin/orgloop"
  # The group may go into the directory and reach the socket; the files stay the runtime's own.
  install -d -o orgloop-host -g "$group" -m 2750 "$directory/shared"
}

# A module with some sources and routes, owned by its author.
write_module() { # user, name, sources, routes
  local user=$1 name=$2 sources=$3 routes=$4 home=/home/$1/$2
  install -d -o "$user" -g "$user" -m 755 "$home"
  {
    echo 'apiVersion: orgloop/v1alpha1'
    echo 'kind: Module'
    echo "metadata: { name: $name }"
    echo 'sources:'
    for n in $(seq "$sources"); do echo "  - { id: in-$n, connector: webhook }"; done
    echo 'actors:'
    echo '  - { id: out, connector: exec, config: { command: ["true"] } }'
    echo 'routes:'
    for n in $(seq "$routes"); do
      echo "  - name: route-$n"
      echo "    when: { source: in-$(((n - 1) % sources + 1)) }"
      echo '    then: { actor: out }'
    done
  } >"$home/orgloop-module.yaml"
  chown "$user:$user" "$home/orgloop-module.yaml"
}

start_runtime() {
  local home=/home/orgloop-host
  cat >"$home/orgloop.yaml" <<YAML
apiVersion: orgloop/v1alpha1
kind: Project
metadata: { name: host }
runtime:
  http: { port: 0 }
  control: { socket_group: $group }
YAML
  chown orgloop-host: "$home/orgloop.yaml"
  # Without runuser in between, so that $! is the runtime.
  (
    cd "$home"
    exec setpriv --reuid orgloop-host --regid orgloop-host --init-groups --reset-env \
      env HOME="$home" SWIFT_BACKTRACE=enable=no "$directory/bin/orgloop" start --db "$db"
  ) >"$directory/runtime.log" 2>&1 &
  runtime=$!
  for _ in $(seq 100); do
    grep -q 'OrgLoop is running' "$directory/runtime.log" && return
    kill -0 "$runtime" 2>/dev/null || break
    sleep 0.1
  done
  cat "$directory/runtime.log"
  echo "the runtime did not start" >&2
  return 1
}

uptime_ms() { # module
  as charlie module status "$1" --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["uptime_ms"])' 2>/dev/null || echo 0
}

operators() {
  sqlite3 -readonly "$db" "
    SELECT DISTINCT json_extract(fields, '\$.metadata.by') FROM v_logs
    WHERE phase = 'operator.action' ORDER BY 1"
}

make_users
write_module alice engineering 2 4
write_module bob ops-alerts 1 2
start_runtime
pid=$runtime

echo "alice, bob and charlie"
out=$(as alice module load ./engineering 2>&1) || true
matches 'alice loads ./engineering' "Loaded \"engineering\" into runtime \(PID $pid\)" "$out"
out=$(as bob module load ./ops-alerts 2>&1) || true
matches 'bob loads ./ops-alerts' "Loaded \"ops-alerts\" into runtime \(PID $pid\)" "$out"

sleep 1.5
before=$(uptime_ms ops-alerts)
echo '  - { name: one-more, when: { source: in-2 }, then: { actor: out } }' \
  >>/home/alice/engineering/orgloop-module.yaml
out=$(as alice module reload engineering 2>&1) || true
matches 'alice reloads engineering' \
  'Unloaded "engineering", reloaded with updated config' "$out"
after=$(uptime_ms ops-alerts)
check "bob's \"ops-alerts\" was never interrupted" \
  "$((before >= 1500 && after > before ? 0 : 1))" "uptime $before ms, then $after ms"

out=$(as charlie module list 2>&1) || true
header='NAME +STATUS +SOURCES +ROUTES +UPTIME *'
uptime='([0-9]+[dhms]( [0-9]+[hms])?) *'
matches 'charlie sees the table' "$header" "$out"
matches 'charlie sees engineering' "engineering +active +2 +5 +$uptime" "$out"
matches 'charlie sees ops-alerts' "ops-alerts +active +1 +2 +$uptime" "$out"

echo "who may, and who did"
mode=$(stat -c '%a %G' "${db%.db}.sock")
check 'the socket is for the group' "$([ "$mode" = "660 $group" ]; echo $?)" "$mode"
status=0
out=$(as "$outsider" module list 2>&1) || status=$?
check "$outsider, who is not in the group, is refused with 77" \
  "$((status == 77 ? 0 : 1))" "exit $status: $out"
for command in status stop 'stop --force' shutdown; do
  status=0
  # shellcheck disable=SC2086 # words of a command
  out=$(as "$outsider" $command 2>&1) || status=$?
  check "$outsider is told no lies by $command" "$((status == 77 ? 0 : 1))" "exit $status: $out"
done
status=0
out=$(as "$outsider" module unload engineering --yes 2>&1) || status=$?
check "$outsider cannot unload anything" "$((status == 77 ? 0 : 1))" "exit $status: $out"
out=$(as charlie module reload ops-alerts 2>&1) || true
matches 'charlie reloads ops-alerts' '"ops-alerts" is unchanged' "$out"
# Log entries are stored a moment after what they tell of.
for _ in $(seq 30); do
  names=$(operators)
  if grep -qx charlie <<<"$names"; then break; fi
  sleep 0.1
done
for user in alice bob charlie; do matches "an operator.action of $user" "$user" "$names"; done
check "no operator.action of $outsider" \
  "$(grep -qx "$outsider" <<<"$names" && echo 1 || echo 0)" "$names"

status=0
kill -TERM "$runtime"
wait "$runtime" || status=$?
runtime=
check 'a graceful stop' "$status" "exit $status"
[ "$failed" -eq 0 ] || sed 's/^/  log: /' "$directory/runtime.log"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
