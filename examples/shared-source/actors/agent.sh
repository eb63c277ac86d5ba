#!/bin/sh
# Gets the delivery as JSON on stdin: {event, launch_prompt, config, delivery, route, module}.
set -eu
jq -r '"\(.module)/\(.route): \(.event.payload.title) | \(.launch_prompt | gsub("\\s+$"; ""))"' \
  >> "$AGENT_LOG"
