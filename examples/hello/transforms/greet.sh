#!/bin/sh
# Reads the event on stdin, writes it back with a greeting. Exit 1 drops the event: whoever does
# not say who they are gets no greeting.
set -eu
event=$(cat)
who=$(printf '%s' "$event" | jq -r '.payload.who // empty')
if [ -z "$who" ]; then
  echo "nobody to greet" >&2
  exit 1
fi
printf '%s' "$event" | jq -c '.payload.greeting = "Hello, " + .payload.who + "!"'
