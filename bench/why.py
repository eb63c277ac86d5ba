#!/usr/bin/env python3
"""How long `why` and `trace` take with a million events in the file: bench/why.py [--binary PATH].

Each figure is of the whole process, beside that of `orgloop version`, its baseline. Without a
runtime the command reads the file; with one it asks over the socket.
"""

import argparse
import json
import os
import pathlib
import resource
import sqlite3
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = """
apiVersion: orgloop/v1alpha1
kind: Project
metadata: { name: why }
sources:
  - { id: in, connector: webhook }
actors:
  - id: slow
    connector: exec
    config: { command: [sleep, "60"] }
    delivery: { order_key: payload.key }
routes:
  - name: all
    when: { source: in }
    then: { actor: slow }
  - name: held
    when: { source: in, filter: { payload.action: held } }
    then: { actor: slow }
"""


class Bench:
    def __init__(self, binary, directory, events):
        self.binary, self.directory, self.events = binary, directory, events
        self.database = f"{directory}/why.db"
        self.environment = dict(os.environ, HOME=directory, ORGLOOP_DB=self.database)
        routes = [
            f"  - name: r{n}\n    when: {{ source: in, filter: {{ payload.kind: k{n} }} }}\n"
            "    then: { actor: slow }\n"
            for n in range(40)
        ]
        pathlib.Path(directory, "orgloop.yaml").write_text(PROJECT + "".join(routes))

    def run(self, *words):
        return subprocess.run(
            [self.binary, *words], cwd=self.directory, env=self.environment, check=True,
            stdout=subprocess.PIPE, text=True).stdout

    def fill(self):
        """Registers the project, then writes the events."""
        self.run("start", "--daemon", "--port", "0")
        self.run("pause", "route/held", "--reason", "bench")
        self.run("stop")
        began = time.monotonic()
        sql = (ROOT / "bench/history.sql").read_text().replace(":events", str(self.events))
        connection = sqlite3.connect(self.database)
        connection.executescript(sql)
        connection.close()
        size = os.path.getsize(self.database) / 1e9
        print(f"{self.events} events, {size:.1f} GB, in {time.monotonic() - began:.0f} s")

    def ids(self):
        """What is asked for, by name."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)

        def event(sequence):
            query = "SELECT id FROM v_events WHERE sequence = ?"
            return connection.execute(query, (sequence,)).fetchone()[0]

        half, tenth = self.events // 2, self.events // 10
        found = [
            ("why, settled, 32 non-matches", ["why", event(half)]),
            ("why --route, not recorded", ["why", event(half), "--route", "r39"]),
            ("why, dead", ["why", event(tenth * 4)]),
            ("why, last of 100,000 on its key", ["why", event(self.events)]),
            ("why, paused", ["why", event(self.events - tenth + 9)]),
            ("why, a trace of 100,000", ["why", "trc_huge"]),
            ("trace, one event", ["trace", event(half)]),
            ("trace, the first 100 of 100,000", ["trace", "trc_huge"]),
            ("trace, 100 around one of them", ["trace", event(tenth * 9 - 50)]),
            ("trace, 1000 of them", ["trace", "trc_huge", "--limit", "1000"]),
            ("an id that leads nowhere", ["why", "evt_nowhere"]),
        ]
        connection.close()
        return found

    def time(self, words, rounds):
        """Milliseconds of each of the rounds, and of CPU in all."""
        took = []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(rounds):
            began = time.monotonic()
            subprocess.run(
                [self.binary, *words], cwd=self.directory, env=self.environment, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            took.append((time.monotonic() - began) * 1000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return sorted(took), cpu * 1000

    def measure(self, title, rounds):
        print(f"{title}, load {os.getloadavg()[0]:.1f}; of {rounds}, in ms: fastest, median, slowest,"
              " mean CPU of the command")
        for name, words in [("version (baseline)", ["version"]), *self.ids()]:
            took, cpu = self.time(words, rounds)
            print(f"  {name:36}{took[0]:8.1f}{statistics.median(took):8.1f}{took[-1]:8.1f}"
                  f"{cpu / rounds:8.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=str(ROOT / ".build/release/orgloop"))
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    place = os.environ.get("BENCH_DIR", "/tmp")
    with tempfile.TemporaryDirectory(prefix="orgloop-why-", dir=place) as directory:
        bench = Bench(os.path.abspath(arguments.binary), directory, arguments.events)
        bench.fill()
        bench.measure("from the file", arguments.rounds)
        started = json.loads(bench.run("start", "--daemon", "--port", "0", "--json"))
        assert started["pid"]
        try:
            bench.measure("from the runtime", arguments.rounds)
        finally:
            bench.run("stop", "--timeout", "1s")


if __name__ == "__main__":
    main()
