"""The exec actor of the crash test: appends what it was given to a file.

Arguments: the file, and the seed. Some attempts end with 75, try again, after the line is written;
some take two seconds after it, so that kills find a living child.
"""

import json
import os
import sys
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from payload import digest, encode

EX_TEMPFAIL = 75


def main():
    path, seed = sys.argv[1], sys.argv[2]
    request = json.load(sys.stdin)
    payload, delivery = request["event"]["payload"], request["delivery"]
    chance = zlib.crc32(f"{seed}:{payload['number']}:{delivery['attempt']}".encode()) % 10
    fails = chance == 0 and delivery["attempt"] < 5
    line = {
        "webhook_id": delivery["id"], "event_id": request["event"]["id"],
        "source": request["event"]["source"], "number": payload["number"],
        "digest": digest(payload), "answer": "error" if fails else "ok",
    }
    # One write to a file opened for appending: lines of parallel runs never mix.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (encode(line) + "\n").encode())
    os.close(file)
    if chance == 1:
        time.sleep(2)
    return EX_TEMPFAIL if fails else 0


sys.exit(main())
