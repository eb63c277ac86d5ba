"""Everything that the judgement compares: the file, the senders, the receivers, the operators."""

import copy
import json
from collections import Counter, defaultdict
from typing import NamedTuple

import crash_path  # noqa: F401
from verify import read_appended

# Seconds since 1970 of a view's ISO time.
_SECONDS = "strftime('%s', {0}) + substr({0}, 21, 3) / 1000.0"


class Event(NamedTuple):
    id: str
    sequence: int
    at: float
    module: str
    source: str
    number: int | None
    scheduled_at: float | None
    missed: int


class Delivery(NamedTuple):
    id: str
    event_id: str
    module: str
    route: str
    actor: str
    state: str
    reason: str | None
    attempts: int


class Attempt(NamedTuple):
    delivery_id: str
    number: int
    started_at: float
    outcome: str | None


class Poll(NamedTuple):
    at: float
    given: int
    is_alone: bool


class Appended(NamedTuple):
    """An arrival at an exec actor: it has no time, the attempts of the file have."""

    module: str
    webhook_id: str
    event_id: str
    number: int
    digest: str
    answer: str


class Record:
    """Read once, when everything is settled; a sabotage falsifies it."""

    def __init__(self, connection, workloads, posts, arrivals, downtimes):
        self.workloads = {workload.name: workload for workload in workloads}
        self.posts = posts
        self.arrivals = arrivals
        self.downtimes = downtimes
        self.events = {row[0]: Event(*row) for row in connection.execute(
            f"SELECT id, sequence, {_SECONDS.format('timestamp')}, module, source, "
            "json_extract(event, '$.payload.number'), "
            f"{_SECONDS.format(_SCHEDULED)}, "
            "coalesce(json_extract(event, '$.provenance.missed'), 0) FROM v_events")}
        self.deliveries = {row[0]: Delivery(*row) for row in connection.execute(
            "SELECT id, event_id, module, route, actor, state, reason, attempts "
            "FROM v_deliveries")}
        self.attempts = [Attempt(*row) for row in connection.execute(
            f"SELECT delivery_id, number, {_SECONDS.format('started_at')}, outcome "
            "FROM v_attempts")]
        self.checkpoints = {module: int(checkpoint or 0) for module, checkpoint in
                            connection.execute("SELECT module, checkpoint FROM v_sources "
                                               "WHERE source = 'counter'")}
        self.polls = {name: _polls(workload) for name, workload in self.workloads.items()}
        self.appended = [
            Appended(name, line.webhook_id, line.event_id, line.number, line.digest, line.answer)
            for name, workload in self.workloads.items()
            for line in read_appended(workload.files.appended)
        ]
        self.interrupted = Counter(
            attempt.delivery_id for attempt in self.attempts if attempt.outcome == "interrupted")

    def copy(self):
        """Another one, to be falsified; its parts are not changed but replaced."""
        other = copy.copy(self)
        for name in ("posts", "arrivals", "attempts", "appended", "events", "deliveries"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def routes_by_event(self):
        routes = defaultdict(Counter)
        for delivery in self.deliveries.values():
            routes[delivery.event_id][delivery.route] += 1
        return routes


_SCHEDULED = "json_extract(event, '$.provenance.scheduled_at')"


def _polls(workload):
    if not workload.files.polls.exists():
        return []
    lines = workload.files.polls.read_text().splitlines()
    return sorted(Poll(**json.loads(line)) for line in lines)
