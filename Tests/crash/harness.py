"""What the crash test and the full-disk test have in common: seed, limits, report, the end."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from database import State, reading

TIME_LIMIT_SECONDS = 600
SETTLE_LIMIT_SECONDS = 120
EXAMPLES_MAX = 5


class Ended(Exception):
    """A signal or the time limit ends the test."""


class Report:
    """Counts checks and prints them."""

    def __init__(self):
        self._passed = 0
        self._failed = 0

    @property
    def has_failed(self):
        return self._failed > 0

    def check(self, name, violations):
        """One line per check, and a few of the violations when there are any."""
        violations = list(violations)
        if violations:
            self._failed += 1
        else:
            self._passed += 1
        print(f"  {'FAILED' if violations else 'ok':6} {len(violations):6}  {name}")
        for violation in violations[:EXAMPLES_MAX]:
            print(f"                 {violation}")
        if len(violations) > EXAMPLES_MAX:
            print(f"                 and {len(violations) - EXAMPLES_MAX} more")

    def last_line(self):
        print(f"{self._passed} passed, {self._failed} failed", flush=True)


def make_parser(description):
    """The options that both tests have."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--binary", required=True, type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--keep", action="store_true", help="keep the directory of a good run too")
    parser.add_argument("--invariants", type=Path, default=here.parent.parent / "Sources/Invariants",
                        help="the directory of their SQL files")
    return parser


def run(arguments, test):
    """Runs `test(directory, report)` within the limits; returns the exit status."""
    print(f"seed {arguments.seed}", flush=True)
    _end_on_signals()
    directory = Path(tempfile.mkdtemp(prefix="orgloop-crash-"))
    report = Report()
    try:
        test(directory, report)
    except Exception as failure:
        traceback.print_exc(file=sys.stdout)
        report.check("the run came to its end", [repr(failure)])
    if report.has_failed or arguments.keep:
        print(f"kept: {directory} (seed {arguments.seed})")
    else:
        shutil.rmtree(directory)
    report.last_line()
    return 1 if report.has_failed else 0


def _end_on_signals():
    """Signals become exceptions, so that everything is ended on the way out."""
    def end(number, frame):
        for other in signals:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(
            f"it took more than {TIME_LIMIT_SECONDS} s" if number == signal.SIGALRM
            else signal.strsignal(number))

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    for number in signals:
        signal.signal(number, end)
    signal.alarm(TIME_LIMIT_SECONDS)


def wait_until_settled(database):
    """Waits for an empty queue. What is left after the limit is for the judgement to show."""
    deadline = time.monotonic() + SETTLE_LIMIT_SECONDS
    while time.monotonic() < deadline:
        with reading(database) as connection:
            if State(connection).unsettled == 0:
                return
        time.sleep(0.2)
