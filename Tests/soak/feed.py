"""The exec source of a module: numbers that go on where the checkpoint says.

Arguments: how many per poll, the module's log of polls, and a file whose existence ends the
counting. The log has a line per poll, so that polls at the wrong time, too early or two at once
show. Events have no dedup key on purpose: only checkpoint and events in one transaction keep
numbers from being stored twice or left out.
"""

import fcntl
import json
import os
import sys
import time


def feed_payload(number):
    """What is sent for a number; the judgement makes the same one again."""
    return {"number": number, "even": number % 2 == 0, "text": f"number {number} €" * 20}


def main():
    count, log, stop_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    began = time.time()
    given = int(json.load(sys.stdin)["checkpoint"] or 0)
    file = os.open(log, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # Held until this process ends, however it ends.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_alone = True
    except BlockingIOError:
        is_alone = False
    line = {"at": began, "given": given, "is_alone": is_alone}
    os.write(file, (json.dumps(line) + "\n").encode())
    if os.path.exists(stop_file):
        return
    for number in range(given + 1, given + count + 1):
        # Now and then slow in the middle, so that unloads and kills find a running poll.
        if number % 10 == 0:
            sys.stdout.flush()
            time.sleep(0.4)
        print(json.dumps({"type": "resource.changed", "payload": feed_payload(number)}))
    print(json.dumps({"checkpoint": str(given + count)}))


if __name__ == "__main__":
    main()
