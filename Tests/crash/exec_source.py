"""The exec source of the crash test: numbered events that go on where the checkpoint says.

Arguments: how many events per poll, and a file whose existence ends the counting. Its events have
no dedup key on purpose: only checkpoint and events in one transaction keep numbers from being
stored twice or left out.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from payload import counter_payload, encode


def main():
    count, stop_file = int(sys.argv[1]), sys.argv[2]
    first = int(json.load(sys.stdin)["checkpoint"] or 0) + 1
    if os.path.exists(stop_file):
        return
    # Every third poll takes its time in the middle, so that kills hit half-printed polls.
    pauses = first // count % 3 == 0
    for number in range(first, first + count):
        event = {"type": "resource.changed", "payload": counter_payload(number)}
        sys.stdout.write(encode(event) + "\n")
        if pauses and number == first + count // 2:
            sys.stdout.flush()
            time.sleep(0.3)
    sys.stdout.write(encode({"checkpoint": str(first + count - 1)}) + "\n")


main()
