#!/usr/bin/env python3
"""The race test: concurrent loads, unloads and reloads always end in a state that all agree on.

See README.md. Run: race.py --binary PATH [--rounds 60] [--seed N] [--keep]
"""

import json
import random
import sys
import threading
import time
from collections import Counter

import crash_path  # noqa: F401
import harness
from control import CommandLine, Control, Gone, post_once
from database import Invariants, reading
from fleet import Host, webhook_actor
from posters import Posters
from registry import disagreements
from runtime import Runtime
from sink import Sink

NAMES = ("red", "green", "blue")
# Two checkouts of each module: only one of them may hold the name.
PLACES = ("one", "two")
THREADS = 8
CALLS = 4
TRANSITIONS = ("loading", "unloading")
# Every answer that a call may get. 409: the name is taken, or something is being done to it.
ALLOWED = {
    "load": (200, 201, 409), "unload": (200, 404, 409), "reload": (200, 404, 409),
}
ARRIVAL_SECONDS = 10


def main():
    parser = harness.make_parser(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    return harness.run(arguments, lambda directory, report: Race(arguments, directory).run(report))


class Race:
    """One runtime, and a number of rounds."""

    def __init__(self, arguments, directory):
        self._arguments = arguments
        self._seed = str(arguments.seed)
        self._sink = Sink(self._seed, has_faults=False)
        self._host = Host(directory, self._seed, self._sink.port)
        self._runtime = Runtime(arguments.binary, self._host)
        self._control = Control(self._host.socket)
        self._command_line = CommandLine(
            arguments.binary, self._host.database, self._host.environment())
        self._posters = Posters(self._seed, self._host.port, NAMES)
        self._answers = Counter()
        self._odd, self._stuck, self._split, self._astray, self._contradictions = [], [], [], [], []

    def run(self, report):
        self._host.write()
        self._paths = {
            (name, place): self._write(name, place) for name in NAMES for place in PLACES
        }
        self._sink.start()
        try:
            self._runtime.start()
            self._runtime.wait_until_ready()
            self._posters.start()
            for number in range(1, self._arguments.rounds + 1):
                self._round(number)
            self._posters.stop()
            exit_status = self._runtime.stop()
            with reading(self._host.database) as connection:
                violations = Invariants(self._arguments.invariants).violations(connection)
                lost = list(self._lost(connection))
        finally:
            self._runtime.end()
            self._posters.stop()
            self._sink.stop()
        self._judge(report, violations, lost, exit_status)

    def _write(self, name, place):
        directory = self._host.directory / place / name
        directory.mkdir(parents=True)
        url = f"http://127.0.0.1:{self._host.receiver_port}/{name}/{place}"
        (directory / "orgloop.yaml").write_text(json.dumps({
            "apiVersion": "orgloop/v1alpha1", "kind": "Project", "metadata": {"name": name},
            "sources": [{"id": "hook", "connector": "webhook"}],
            "actors": [webhook_actor(place, url)],
            "routes": [{"name": "all", "when": {"source": "hook"}, "then": {"actor": place}}],
        }))
        return directory

    def _round(self, number):
        """All at once, on one name or on all of them; then everyone is asked what came of it."""
        chooser = random.Random(f"{self._seed}:round:{number}")
        names = [chooser.choice(NAMES)] if number % 2 else NAMES
        plans = [
            [self._choose(chooser, names) for _ in range(CALLS)] for _ in range(THREADS)
        ]
        barrier = threading.Barrier(THREADS)
        outcomes = [[] for _ in plans]
        threads = [
            threading.Thread(target=self._call_all, args=(barrier, plan, outcome))
            for plan, outcome in zip(plans, outcomes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._look(number, names, [call for outcome in outcomes for call in outcome])

    def _choose(self, chooser, names):
        kind = chooser.choices(["load", "unload", "reload"], weights=[5, 3, 3])[0]
        return kind, chooser.choice(names), chooser.choice(PLACES)

    def _call_all(self, barrier, plan, outcome):
        barrier.wait()
        for kind, name, place in plan:
            try:
                if kind == "load":
                    answer = self._control.load(self._paths[name, place])
                else:
                    answer = getattr(self._control, kind)(name)
            except Gone as failure:
                answer = failure
            outcome.append((kind, name, place, answer))

    def _look(self, number, names, calls):
        for kind, name, place, answer in calls:
            status = getattr(answer, "status", "none")
            self._answers[f"{kind} {status}"] += 1
            if status not in ALLOWED[kind]:
                self._odd.append(f"round {number}: {kind} {name} from {place}: {answer}")
        # At once: a call that was answered leaves nothing half-done behind.
        modules = self._control.modules()
        for name, status in modules.items():
            if status["state"] in TRANSITIONS:
                self._stuck.append(f"round {number}: {name} is {status['state']}")
        is_active = {
            name: modules.get(name, {}).get("state") == "active" for name in NAMES
        }
        self._split += [f"round {number}: {text}" for text in disagreements(
            self._control, self._command_line, self._host, is_active | {"default": True})]
        self._contradictions += [f"round {number}: {text}" for text in _contradictions(
            names, calls, modules)]
        for name in NAMES:
            if is_active[name]:
                self._deliver(number, name, modules[name]["path"])

    def _deliver(self, number, name, path):
        """What works is what is listed: a webhook goes to the actor of the listed path."""
        place = next((place for place in PLACES if str(self._paths[name, place]) in path), None)
        try:
            answer = post_once(self._host.port, f"/webhook/{name}/hook", b'{"number": 1}')
        except Gone as failure:
            answer = failure
        event_id = (getattr(answer, "body", None) or {}).get("event_id")
        deadline = time.monotonic() + ARRIVAL_SECONDS
        actors = set()
        while time.monotonic() < deadline:
            actors = {arrival.actor for arrival in self._sink.delivered()
                      if arrival.event_id == event_id}
            if actors:
                break
            time.sleep(0.01)
        if actors != {place}:
            self._astray.append(
                f"round {number}: {name} is listed from {path}, a webhook ({answer}) went to"
                f" {sorted(actors)}")

    def _lost(self, connection):
        """What was accepted while the modules came and went; it may still be parked."""
        stored = {
            row[0]: row[1:] for row in connection.execute(
                "SELECT e.id, e.module, count(d.id), min(d.module) FROM v_events AS e "
                "LEFT JOIN v_deliveries AS d ON d.event_id = e.id GROUP BY e.id")
        }
        accepted = [post for post in self._posters.posts() if post.state == "accepted"]
        print(f"{len(accepted)} webhooks accepted meanwhile")
        for post in accepted:
            for event_id in post.event_ids:
                if stored.get(event_id) != (post.module, 1, post.module):
                    yield f"{post.module} {post.number}: {event_id} is {stored.get(event_id)}"

    def _judge(self, report, violations, lost, exit_status):
        answers = ", ".join(f"{name} {count}" for name, count in sorted(self._answers.items()))
        print(f"{self._arguments.rounds} rounds, {THREADS} threads, {CALLS} calls: {answers}")
        print("checks")
        report.check("every call was answered, conflicts with 409", self._odd)
        report.check("no name is stuck in loading or unloading", self._stuck)
        report.check("list, database, API and webhooks agree", self._split)
        report.check("the answers could have led to the state", self._contradictions)
        report.check("what is listed is what works", self._astray)
        report.check("an accepted webhook is in the file, with one delivery of its module", lost)
        report.check("invariants", violations)
        report.check("a graceful stop", [f"exit status {exit_status}"] if exit_status else [])


def _contradictions(names, calls, modules):
    """What no order of the calls can explain."""
    for name in names:
        done = [(kind, place) for kind, called, place, answer in calls
                if called == name and getattr(answer, "is_ok", False)]
        path = modules.get(name, {}).get("path", "")
        kinds = {kind for kind, _ in done}
        is_active = modules.get(name, {}).get("state") == "active"
        if is_active and "unload" in kinds and "load" not in kinds:
            yield f"{name} is active after an unload and without a load"
        if not is_active and "load" in kinds and "unload" not in kinds:
            yield f"{name} is not active after a load and without an unload"
        loaded_from = {place for kind, place in done if kind == "load"}
        if is_active and loaded_from and "unload" in kinds and not any(
                f"/{place}/" in path for place in loaded_from):
            yield f"{name} is loaded from {path}, loads came from {loaded_from}"


if __name__ == "__main__":
    sys.exit(main())
