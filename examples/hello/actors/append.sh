#!/bin/sh
# Gets the delivery as JSON on stdin: {event, config, delivery, route, module}. Exit 0 means that
# it is delivered; exit 65 that it never can be; anything else that it should be tried again.
set -eu
jq -r '"\(.event.timestamp) \(.event.payload.greeting) (\(.route))"' >> "$GUESTBOOK"
