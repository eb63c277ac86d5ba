"""What the file says. The test only ever reads it, except to sabotage it."""

import contextlib
import sqlite3
from pathlib import Path


@contextlib.contextmanager
def reading(path):
    """A read-only connection with one snapshot for everything that is asked."""
    connection = sqlite3.connect(
        f"{Path(path).as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


class Invariants:
    """The files of Sources/Invariants: each is a query for the rows that break its rule."""

    def __init__(self, directory):
        self._queries = [path.read_text() for path in sorted(Path(directory).glob("*.sql"))]
        if not self._queries:
            raise FileNotFoundError(f"no invariants in {directory}")

    def violations(self, connection):
        found = [
            f"integrity_check: {row[0]}"
            for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"
        ]
        for query in self._queries:
            found += [": ".join(map(str, row)) for row in connection.execute(query)]
        return found


class State:
    """How much is there, and how much of it is not done."""

    def __init__(self, connection):
        def count(query):
            return connection.execute(query).fetchone()[0]

        self.events = count("SELECT count(*) FROM events")
        self.unsettled = count("SELECT count(*) FROM queue")
        self.interrupted = count("SELECT count(*) FROM attempts WHERE outcome = 'interrupted'")


class Contents:
    """Everything the last checks compare with what was sent and what arrived."""

    def __init__(self, connection):
        self.events = {
            row[0]: Event(*row[1:]) for row in connection.execute(
                "SELECT id, sequence, source, dedup_key, json_extract(event, '$.payload.number') "
                "FROM v_events")
        }
        self.deliveries = {
            row[0]: Delivery(*row[1:]) for row in connection.execute(
                "SELECT id, event_id, route, state, attempts FROM v_deliveries")
        }
        self.interrupted = dict(connection.execute(
            "SELECT delivery_id, count(*) FROM v_attempts WHERE outcome = 'interrupted' "
            "GROUP BY delivery_id"))
        checkpoint = connection.execute(
            "SELECT checkpoint FROM v_sources WHERE source = 'counter'").fetchone()[0]
        self.checkpoint = int(checkpoint or 0)
        self.runtime_state = connection.execute("SELECT state FROM v_runtime").fetchone()[0]


class Event:
    def __init__(self, sequence, source, dedup_key, number):
        self.sequence = sequence
        self.source = source
        self.dedup_key = dedup_key
        self.number = number


class Delivery:
    def __init__(self, event_id, route, state, attempts):
        self.event_id = event_id
        self.route = route
        self.state = state
        self.attempts = attempts
