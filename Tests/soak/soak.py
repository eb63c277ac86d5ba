#!/usr/bin/env python3
"""The soak test: modules come and go under load and kills, and nothing is lost or out of place.

See README.md. Run: soak.py --binary PATH [--minutes 3] [--modules 20] [--seed N] [--keep]
"""

import copy
import random
import sys
import time

import crash_path  # noqa: F401
import harness
from control import CommandLine, Control
from database import Invariants, State, reading
from fleet import Host
from judgement import Judgement
from kills import Kills
from measure import MemoryLog, descriptor_kinds, least_cost
from operators import Operators, Workload
from posters import Posters
from record import Record
from registry import disagreements
from runtime import Runtime
from sabotage_soak import SABOTAGES
from sink import Sink
from tracks import FREE, OFF, STEADY

# Of the minutes, how much has kills in it; the rest is one life of the process, for its memory.
KILLS_SHARE = 0.6
# Pools that grow on first use: NIO's loops, Dispatch's workers, the store's readers. A leak of one
# per load or reload would be a hundred and more.
TOLERANCE = 12
# How long idle connections to actors may stay open after the last module has gone.
IDLE_SECONDS = 90
MEMORY_RATIO_MAX = 1.3


def main():
    parser = harness.make_parser(__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--modules", type=int, default=20)
    parser.add_argument(
        "--sabotage", choices=[*sorted(SABOTAGES), "all"],
        help="falsify the record before it is judged: the run must fail; `all` tries every kind"
        " on a copy, and each must be noticed")
    arguments = parser.parse_args()
    harness.TIME_LIMIT_SECONDS = int(arguments.minutes * 60) + 480
    return harness.run(
        arguments, lambda directory, report: Soak(arguments, directory).run(report))


class Measured:
    """What the process cost at the end."""

    def __init__(self, end, ratio):
        self.end, self.ratio = end, ratio


class Soak:
    """One run: the parts, the phases, the judgement."""

    def __init__(self, arguments, directory):
        self._arguments = arguments
        seed = str(arguments.seed)
        self._chooser = random.Random(f"{seed}:soak")
        self._invariants = Invariants(arguments.invariants)
        self._sink = Sink(seed)
        self._host = Host(directory, seed, self._sink.port)
        self._runtime = Runtime(arguments.binary, self._host)
        self._control = Control(self._host.socket)
        self._command_line = CommandLine(
            arguments.binary, self._host.database, self._host.environment())
        names = [f"m{number:02}" for number in range(arguments.modules)]
        self._workloads = [
            Workload(self._host.add(name), self._host.add(name, copy="-copy")) for name in names
        ]
        self._operators = Operators(seed, self._control, self._command_line, self._workloads)
        self._kills = Kills(seed, self._runtime, self._operators, self._workloads)
        self._posters = Posters(seed, self._host.port, ["default", *names])
        self._memory = None
        self._violations = {}

    def run(self, report):
        self._host.write()
        for workload in self._workloads:
            workload.copy.write(workload.variant)
            workload.write(workload.variant)
        self._sink.start()
        try:
            self._first_loads()
            self._posters.start()
            self._with_kills(self._arguments.minutes * 60 * KILLS_SHARE)
            self._one_life(self._arguments.minutes * 60 * (1 - KILLS_SHARE))
            self._settle()
            record = self._read()
            self._unload_all()
            exit_status = self._runtime.stop()
        finally:
            if self._memory is not None:
                self._memory.stop()
            self._operators.stop()
            # The runtime before the senders: without it they have nothing to wait for.
            self._runtime.end()
            self._posters.stop()
            self._sink.stop()
        self._judge(report, record, exit_status)

    def _phase(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def _first_loads(self):
        """What an empty runtime costs, before anything was loaded."""
        self._runtime.start()
        ready = self._runtime.wait_until_ready()
        self._empty = least_cost(self._pid)
        self._kinds = descriptor_kinds(self._pid)
        self._phase(f"ready in {ready:.2f} s, empty: {self._empty}")
        began = time.monotonic()
        for workload in self._workloads:
            if not self._operators.load(workload):
                raise RuntimeError(f"{workload.name} could not be loaded")
        self._phase(f"{len(self._workloads)} modules loaded in {time.monotonic() - began:.2f} s")
        self._agree("after the first loads")

    def _with_kills(self, seconds):
        deadline = time.monotonic() + seconds
        self._operators.start()
        while time.monotonic() < deadline:
            time.sleep(self._chooser.uniform(2, 9))
            self._kills.kill(self._chooser)
        self._operators.stop()
        self._phase(f"{self._kills.count} kills, {self._operators.counts.total()} operations")

    def _one_life(self, seconds):
        """A signal, not a kill: modules loaded by hand come back from that too."""
        self._kills.restart_by_signal()
        self._agree("after a signal and a start")
        self._memory = MemoryLog(self._pid)
        before = self._operators.counts.total()
        self._operators.start()
        time.sleep(seconds)
        self._operators.stop()
        self._memory.stop()
        self._phase(f"one life of {seconds:.0f} s: {self._operators.counts.total() - before}"
                    f" operations, {least_cost(self._pid)}")

    def _settle(self):
        """Everything is loaded and resumed, nothing new comes, and the queues run empty."""
        for workload in self._workloads:
            workload.write(workload.variant._replace(has_extra_route=True))
            self._operators.load(workload)
            for target, track in workload.pauses.items():
                if track.current != FREE:
                    self._operators.resume(workload, target)
        self._agree("with everything loaded and resumed")
        time.sleep(2)
        self._posters.stop()
        for workload in self._workloads:
            workload.files.stop_file.touch()
            self._control.post(
                "/control/pause", {"targets": ["source/tick"], "module": workload.name})
        began = time.monotonic()
        harness.wait_until_settled(self._host.database)
        with reading(self._host.database) as connection:
            state = State(connection)
        self._phase(f"settled in {time.monotonic() - began:.1f} s: {state.events} events,"
                    f" {state.unsettled} unsettled, {state.interrupted} interrupted attempts")

    def _unload_all(self):
        """The process must cost what it cost before the first load."""
        for workload in self._workloads:
            answer = self._control.unload(workload.name)
            if answer.is_ok:
                workload.activity.set(OFF)
            else:
                self._operators.complain(f"unload {workload.name} at the end: {answer}")
        self._agree("with everything unloaded")
        limit = self._empty.threads + TOLERANCE, self._empty.descriptors + TOLERANCE
        self._end = least_cost(
            self._pid,
            lambda cost: cost.threads <= limit[0] and cost.descriptors <= limit[1], IDLE_SECONDS)
        self._phase(f"empty again: {self._end} (before: {self._empty})")
        self._phase(f"descriptors now and before:{_difference(self._kinds, self._pid)}")

    def _read(self):
        with reading(self._host.database) as connection:
            record = Record(connection, self._workloads, self._posters.posts(),
                            self._sink.delivered(), self._kills.downtimes)
            self._final_violations = self._invariants.violations(connection)
        return record

    def _agree(self, when):
        expected = {
            workload.name: workload.activity.current == STEADY for workload in self._workloads
        }
        refusing = {
            workload.name for workload in self._workloads
            if workload.pauses["source/hook"].current != FREE
            or workload.pauses[f"module/{workload.name}"].current != FREE
        }
        found = disagreements(
            self._control, self._command_line, self._host, expected | {"default": True}, refusing)
        self._violations[f"registry, database and webhooks agree {when}"] = found

    @property
    def _pid(self):
        with reading(self._host.database) as connection:
            return connection.execute("SELECT pid FROM v_runtime").fetchone()[0]

    def _judge(self, report, record, exit_status):
        ratio, warm, end = self._memory.ratio()
        measured = Measured(self._end, ratio)
        self._summarise(record)
        print(f"  memory {warm / 1024:.1f} MiB warm, {end / 1024:.1f} MiB at the end,"
              f" ratio {ratio:.2f}")
        if self._arguments.sabotage == "all":
            report.check("every sabotage is noticed", self._unnoticed(record, measured))
        elif self._arguments.sabotage is not None:
            done = SABOTAGES[self._arguments.sabotage](record, measured)
            print(f"sabotage: {done}")
        print("checks")
        for name, violations in [*self._checks(record, measured), *self._checks_on_the_way(),
                                 ("a graceful stop", [exit_status] if exit_status else [])]:
            report.check(name, violations)

    def _unnoticed(self, record, measured):
        """Each kind on a copy of what was recorded: a check that fails anyway proves nothing."""
        before = {name: len(list(found)) for name, found in self._checks(record, measured)}
        for kind, sabotage in SABOTAGES.items():
            record_copy, measured_copy = record.copy(), copy.copy(measured)
            done = sabotage(record_copy, measured_copy)
            noticed = [
                name for name, found in self._checks(record_copy, measured_copy)
                if len(list(found)) > before[name]
            ]
            print(f"  sabotage {kind}: {done}: {'; '.join(noticed) or 'NOT NOTICED'}")
            if not noticed:
                yield kind

    def _checks(self, record, measured):
        """What a sabotage can falsify."""
        cost, empty = measured.end, self._empty
        return [
            *Judgement(record).checks(),
            (f"threads of the empty process ({empty.threads} + {TOLERANCE} at most)",
             _over(cost.threads, empty.threads + TOLERANCE)),
            (f"descriptors of the empty process ({empty.descriptors} + {TOLERANCE} at most)",
             _over(cost.descriptors, empty.descriptors + TOLERANCE)),
            (f"memory at the end is at most {MEMORY_RATIO_MAX} of the warm plateau",
             _over(round(measured.ratio, 3), MEMORY_RATIO_MAX)),
        ]

    def _checks_on_the_way(self):
        return [
            *self._violations.items(),
            ("operations were answered as they should be", self._operators.violations),
            ("modules come back after kills, unloaded ones do not", self._kills.violations),
            ("children that outlived a killed runtime", self._kills.survivors),
            ("invariants", self._final_violations),
            ("webhook answers that are not 2xx, 404 or 503", self._odd_answers()),
        ]

    def _odd_answers(self):
        for status, count in self._posters.statuses.items():
            if not 200 <= status < 300 and status not in (404, 503):
                yield f"{count} times {status}"

    def _summarise(self, record):
        print("summary")
        counts = ", ".join(
            f"{name} {count}" for name, count in sorted(self._operators.counts.items()))
        posts = ", ".join(
            f"{sum(post.state == state for post in record.posts)} {state}"
            for state in ("accepted", "refused", "unknown"))
        print(f"  operations: {counts}")
        print(f"  webhooks: {posts}; events {len(record.events)},"
              f" deliveries {len(record.deliveries)}, arrivals {len(record.arrivals)},"
              f" not the first of their delivery {Judgement(record).repeats()}")


def _difference(before, pid):
    """Kinds of descriptors of which there are more than before, or fewer."""
    now = descriptor_kinds(pid)
    return "".join(f" {kind} {now[kind]}/{before[kind]}" for kind in sorted({*now, *before})
                   if now[kind] != before[kind]) or " the same"


def _over(value, limit):
    return [f"{value} is over {limit}"] if value > limit else []


if __name__ == "__main__":
    sys.exit(main())
