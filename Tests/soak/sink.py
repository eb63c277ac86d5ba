"""The receiver of the soak test: what arrived, of which module, when, and how it was answered."""

import json
import time
from collections import Counter
from typing import NamedTuple

import crash_path  # noqa: F401
from receiver import Receiver


class Delivered(NamedTuple):
    """One request, recorded before it is answered."""

    index: int
    at: float
    module: str
    actor: str
    webhook_id: str
    event_id: str
    event_module: str
    source: str
    number: int | None
    key: str | None
    prompt: str | None
    answer: str


class Sink(Receiver):
    """The crash test's server with its good and bad answers, and a record that knows modules."""

    def __init__(self, seed, has_faults=True):
        super().__init__(seed, has_faults)
        self._delivered = []
        self._times = Counter()

    def delivered(self):
        with self._lock:
            return list(self._delivered)

    def record(self, path, webhook_id, body):
        now = time.time()
        _, module, actor = path.split("/")
        request = json.loads(body)
        event = request["event"]
        payload = event["payload"]
        number = payload.get("number")
        with self._lock:
            nth = self._times[webhook_id]
            self._times[webhook_id] += 1
            what = number if number is not None else event["id"]
            answer = self._answer(f"{module}:{event['source']}:{actor}:{what}", nth)
            self._delivered.append(Delivered(
                len(self._delivered), now, module, actor, webhook_id, event["id"],
                event.get("module", ""), event["source"], number, payload.get("key"),
                request.get("launch_prompt"), answer))
        return answer
