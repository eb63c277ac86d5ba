#!/usr/bin/env python3
"""The full-disk test: intake is refused, nothing is lost, nothing is sent over and over.

See README.md. Run as root: full_disk.py --binary PATH [--seed N] [--keep]
"""

import errno
import os
import subprocess
import sys
import time
from collections import Counter

import harness
from database import Contents, Invariants, reading
from project import Project
from receiver import Receiver
from runtime import Runtime, RuntimeFailure
from senders import Senders
from verify import Judgement, read_appended

DISK_BYTES = 16 << 20
# What an operator would delete to get space.
FILLER_BYTES = 10 << 20
# Attempts that are in flight when the disk becomes full to the last byte.
IN_FLIGHT = 8
# How long the disk stays full.
FULL_SECONDS = 10
# "A handful": a delivery that cannot be settled must not go out more often than this.
ARRIVALS_MAX = 3

EX_IOERR = 74


def main():
    arguments = harness.make_parser(__doc__.splitlines()[0]).parse_args()
    return harness.run(arguments, lambda directory, report: test(arguments, directory, report))


def test(arguments, directory, report):
    disk = directory / "disk"
    disk.mkdir(mode=0o700)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "orgloop-test", str(disk)],
        capture_output=True, text=True)
    if mount.returncode != 0:
        print(f"skipped: a small file system cannot be mounted here: {mount.stderr.strip()}")
        return
    try:
        FullDiskTest(arguments, directory, disk).run(report)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


class FullDiskTest:
    """One run: full by load, free again, full to the brim, killed, free again, settled."""

    def __init__(self, arguments, directory, disk):
        seed = str(arguments.seed)
        self._disk = disk
        self._invariants = Invariants(arguments.invariants)
        self._receiver = Receiver(seed, has_faults=False)
        self._project = Project(directory, seed, self._receiver.port, database_directory=disk)
        self._runtime = Runtime(arguments.binary, self._project)
        self._senders = Senders(seed, self._project, self._receiver)
        # Arrivals when the receiver began to hold its answers back.
        self._arrived = 0

    def run(self, report):
        self._project.write()
        self._receiver.start()
        self._senders.start()
        try:
            self._runtime.start()
            self._runtime.wait_until_ready()
            self._fill_by_load(report)
            self._free_while_running()
            self._fill_to_the_brim(report)
            self._restart_full(report)
            self._free_and_restart(report)
            exit_status = self._runtime.stop()
        finally:
            self._runtime.end()
            self._senders.stop()
            self._receiver.stop()
        self._judge(report, exit_status)

    def _fill_by_load(self, report):
        """Webhooks fill the disk; deliveries go on as long as they can be settled."""
        _fill(self._disk / "filler", FILLER_BYTES)
        refused = self._senders.refused_count()
        _wait_for("refusals", lambda: self._senders.refused_count() > refused)
        self._stay_full(report, "filled by load")

    def _free_while_running(self):
        """With space again, the same runtime goes on by itself."""
        self._receiver.hold()
        self._arrived = len(self._receiver.arrivals())
        (self._disk / "filler").unlink()
        began = time.monotonic()
        self._wait_for_acceptance()
        print(f"accepting again after {time.monotonic() - began:.1f} s", flush=True)

    def _fill_to_the_brim(self, report):
        """Not a byte is free when the actors answer: nothing that they say can be written down."""
        _wait_for(
            "attempts in flight",
            lambda: len(self._receiver.arrivals()) >= self._arrived + IN_FLIGHT)
        _fill(self._disk / "brim", DISK_BYTES)
        self._receiver.release()
        self._stay_full(report, "filled to the brim")

    def _stay_full(self, report, how):
        """Nothing is accepted without being stored, and what is sent is sent a few times at most."""
        refused = self._senders.refused_count()
        arrived = len(self._receiver.arrivals())
        time.sleep(FULL_SECONDS)
        refused = self._senders.refused_count() - refused
        print(f"{how}, {FULL_SECONDS} s: {refused} webhooks refused,"
              f" {len(self._receiver.arrivals()) - arrived} arrivals, {self._sizes()}", flush=True)
        report.check(f"{how}: webhooks are refused", [] if refused else ["none was refused"])
        report.check(f"{how}: no resend storm", self._storm())
        report.check(
            f"{how}: the runtime lives", [] if self._runtime.is_running else ["it has ended"])

    def _restart_full(self, report):
        """A crash on the full disk: the next start works, or says what is wrong."""
        self._runtime.kill()
        self._runtime.start()
        try:
            self._runtime.wait_until_ready()
            outcome, problems = "works", []
        except RuntimeFailure as failure:
            outcome = f"{failure}, saying {self._last_words()}"
            says = "disk" in outcome and self._runtime.exit_status == EX_IOERR
            problems = [] if says else [outcome]
        print(f"a start on the full disk: {outcome}", flush=True)
        report.check("a start on the full disk works, or ends with 74 and a reason", problems)
        self._runtime.end()

    def _free_and_restart(self, report):
        """With space again, a new runtime accepts, and everything is delivered."""
        (self._disk / "brim").unlink()
        self._runtime.start()
        self._runtime.wait_until_ready()
        self._wait_for_acceptance()
        self._senders.stop()
        self._project.stop_file.touch()
        harness.wait_until_settled(self._project.database)
        report.check("no resend storm after space was freed", self._storm())

    def _wait_for_acceptance(self):
        accepted = self._senders.accepted_count()
        _wait_for(
            "webhooks to be accepted again",
            lambda: self._senders.accepted_count() > accepted + 20)

    def _last_words(self):
        lines = self._project.log.read_text(errors="replace").splitlines()
        return " ".join(line.strip() for line in lines[-2:])

    def _sizes(self):
        sizes = {
            name: (self._disk / name).stat().st_size // 1024
            for name in ("orgloop.db", "orgloop.db-wal")
        }
        return f"KiB free {self._free_bytes() // 1024}, " + ", ".join(
            f"{name} {size}" for name, size in sizes.items())

    def _storm(self):
        counts = Counter(arrival.webhook_id for arrival in self._receiver.arrivals())
        for webhook_id, count in counts.items():
            if count > ARRIVALS_MAX:
                yield f"{webhook_id} arrived {count} times"

    def _judge(self, report, exit_status):
        with reading(self._project.database) as connection:
            contents = Contents(connection)
            violations = self._invariants.violations(connection)
        arrivals = self._receiver.arrivals() + read_appended(self._project.appended)
        for name, found in Judgement(self._senders.posts, arrivals, contents).checks():
            report.check(name, found)
        report.check("invariants at the end", violations)
        report.check(
            "answers to webhooks that are not 2xx, 503 or 507",
            self._senders.odd_answers([503, 507]))
        report.check("a graceful stop", [f"exit status {exit_status}"] if exit_status else [])

    def _free_bytes(self):
        status = os.statvfs(self._disk)
        return status.f_bavail * status.f_frsize


def _fill(path, size):
    """Makes a file of this size, or as large as the disk allows."""
    with open(path, "wb", buffering=0) as file:
        try:
            for _ in range(size // 4096):
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def _wait_for(what, condition, limit=90):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeFailure(f"waited {limit} s for {what}")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
