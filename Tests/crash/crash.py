#!/usr/bin/env python3
"""The crash test: kill -9 at random times under load, and nothing that was accepted is lost.

See README.md. Run: crash.py --binary PATH [--kills 50] [--seed N] [--keep]
"""

import random
import statistics
import sys
import threading
import time

import harness
from database import Contents, Invariants, State, reading
from project import Project
from receiver import CLEAN, Receiver
from runtime import Runtime
from sabotage import SABOTAGES, sabotage
from senders import Senders
from verify import Judgement, read_appended

# One kill in eight hits the start itself: recovery must survive its own death.
EARLY_KILL_SHARE = 0.125


def main():
    parser = harness.make_parser(__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--sabotage", choices=sorted(SABOTAGES),
        help="damage the database once, half-way: the run must fail")
    arguments = parser.parse_args()
    return harness.run(
        arguments, lambda directory, report: CrashTest(arguments, directory).run(report))


class CrashTest:
    """One run: the parts, the kills, the end."""

    def __init__(self, arguments, directory):
        seed = str(arguments.seed)
        self._kills = arguments.kills
        self._sabotage = arguments.sabotage
        self._chooser = random.Random(f"{seed}:kills")
        self._invariants = Invariants(arguments.invariants)
        self._receiver = Receiver(seed)
        self._project = Project(directory, seed, self._receiver.port)
        self._runtime = Runtime(arguments.binary, self._project)
        self._senders = Senders(seed, self._project, self._receiver)
        self._ready_seconds = []
        self._survivors = []
        self._violations = []
        self._early_kills = 0
        self._kills_with_children = 0

    def run(self, report):
        began = time.monotonic()
        self._project.write()
        self._receiver.start()
        self._senders.start()
        try:
            for number in range(1, self._kills + 1):
                self._kill(number)
                if self._sabotage is not None and number == (self._kills + 1) // 2:
                    done = sabotage(self._sabotage, self._project.database, self._chooser)
                    print(f"sabotage: {done}")
            exit_status = self._finish()
        finally:
            # The runtime first: without it, senders and receiver have nothing to wait for.
            self._runtime.end()
            self._senders.stop()
            self._receiver.stop()
        self._judge(report, exit_status, time.monotonic() - began)

    def _kill(self, number):
        """One life of the runtime, and its end."""
        # The first start makes the database, and a kill before that would leave nothing to read.
        is_early = number > 1 and self._chooser.random() < EARLY_KILL_SHARE
        delay = self._chooser.uniform(0.02, 0.2 if is_early else 1.5)
        self._runtime.start()
        if is_early:
            time.sleep(delay)
            children, survivors = self._runtime.kill()
            self._early_kills += 1
            print(f"kill {number:3} {delay:5.3f} s after its start", end="")
        else:
            ready = self._runtime.wait_until_ready()
            kill_at = time.monotonic() + delay
            inspection = Inspection(self._project.database, self._invariants)
            time.sleep(max(kill_at - time.monotonic(), 0))
            children, survivors = self._runtime.kill()
            inspection.wait()
            self._ready_seconds.append(ready)
            self._violations += [f"start {number}: {text}" for text in inspection.violations]
            print(
                f"kill {number:3} {delay:5.3f} s after ready, ready in {ready:5.3f} s:"
                f" {inspection.summary}", end="")
        print(f", {children} children, {len(survivors)} left", flush=True)
        self._survivors += [f"kill {number}: {survivor}" for survivor in survivors]
        # One child is always there: the reaper, which sees to the others.
        self._kills_with_children += children > 1

    def _finish(self):
        """The last life: everything is delivered, and the runtime stops when it is asked to."""
        self._runtime.start()
        self._ready_seconds.append(self._runtime.wait_until_ready())
        time.sleep(1)
        self._senders.stop()
        self._project.stop_file.touch()
        harness.wait_until_settled(self._project.database)
        return self._runtime.stop()

    def _judge(self, report, exit_status, seconds):
        with reading(self._project.database) as connection:
            contents = Contents(connection)
            final_violations = self._invariants.violations(connection)
        arrivals = self._receiver.arrivals() + read_appended(self._project.appended)
        judgement = Judgement(self._senders.posts, arrivals, contents)
        self._summarise(arrivals, judgement, contents, seconds)
        print("checks")
        for name, violations in judgement.checks():
            report.check(name, violations)
        report.check("invariants after each start", self._violations)
        report.check("invariants at the end", final_violations)
        report.check("children that outlived a killed runtime", self._survivors)
        report.check(
            "answers to webhooks that are neither 2xx nor 503", self._senders.odd_answers([503]))
        ending = f"exit status {exit_status}, state {contents.runtime_state}"
        report.check(
            "a graceful stop", [] if ending == "exit status 0, state stopped" else [ending])

    def _summarise(self, arrivals, judgement, contents, seconds):
        posts = self._senders.posts.values()
        ready = self._ready_seconds
        rows = [
            ("kills", f"{self._kills}, {self._early_kills} of them before ready"),
            ("kills that found a child at work", self._kills_with_children),
            ("seconds", f"{seconds:.0f}"),
            ("start to ready", f"median {statistics.median(ready):.3f} s, max {max(ready):.3f} s"),
            ("webhooks posted", len(posts)),
        ] + [
            (f"  {state}", sum(post.state == state for post in posts))
            for state in ("accepted", "unknown", "refused")
        ] + [
            ("events of the exec source", contents.checkpoint),
            ("events in the file", len(contents.events)),
            ("deliveries", len(contents.deliveries)),
            ("arrivals", len(arrivals)),
            ("  answered badly on purpose",
             sum(arrival.answer not in CLEAN for arrival in arrivals)),
            ("  not the first of their delivery", judgement.duplicates()),
            ("interrupted attempts", sum(contents.interrupted.values())),
        ]
        print("summary")
        for name, value in rows:
            print(f"  {name:36} {value}")


class Inspection:
    """Looks at the database while the runtime works, until the kill and beyond."""

    def __init__(self, database, invariants):
        self._database = database
        self._invariants = invariants
        # What is said when the reading itself fails.
        self.violations = ["the database could not be read"]
        self.summary = "not read"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def wait(self):
        self._thread.join()

    def _run(self):
        with reading(self._database) as connection:
            state = State(connection)
            self.violations = self._invariants.violations(connection)
        self.summary = (
            f"{state.events} events, {state.unsettled} unsettled,"
            f" {state.interrupted} interrupted, {len(self.violations)} violations")


if __name__ == "__main__":
    sys.exit(main())
