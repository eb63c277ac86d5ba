"""The process under test: start it, know when it is ready, kill it, look for what it left."""

import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

from project import MARK_VARIABLE


class RuntimeFailure(Exception):
    """The runtime did not do what every runtime has to: start, stay up, stop."""


class Runtime:
    """One runtime after the other, on one project, database and port."""

    def __init__(self, binary, project):
        self._binary = binary
        self._project = project
        self._process = None
        self._started_at = 0

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self):
        """Of the last process; None while it runs."""
        return self._process.poll()

    def start(self):
        """Starts the process; it is not ready yet."""
        command = [
            self._binary, "start", "--config", str(self._project.directory),
            "--db", str(self._project.database), "--port", str(self._project.port),
        ]
        with open(self._project.log, "ab") as log:
            # A session of its own: ^C must reach the test, which then ends the runtime.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self._project.directory, env=self._project.environment(),
                start_new_session=True)
        self._started_at = time.monotonic()

    def wait_until_ready(self, limit=30):
        """Returns the seconds from start to ready."""
        while not self._answers_ready():
            if not self.is_running:
                raise RuntimeFailure(f"the runtime ended with {self._process.returncode}")
            if time.monotonic() - self._started_at > limit:
                raise RuntimeFailure(f"the runtime was not ready after {limit} s")
            time.sleep(0.005)
        return time.monotonic() - self._started_at

    def kill(self):
        """kill -9 of this one process; says what it left running for more than 0.5 s."""
        if not self.is_running:
            raise RuntimeFailure(f"the runtime ended by itself with {self._process.returncode}")
        children = _descendants(self._process.pid)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        return len(children), self._survivors(children)

    def stop(self, limit=30):
        """A graceful stop; returns the exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            raise RuntimeFailure(f"the runtime was still there {limit} s after SIGTERM") from None

    def end(self):
        """Leaves nothing behind, whatever has happened before."""
        if self.is_running:
            self._process.kill()
            self._process.wait()
        for pid, _ in _marked(self._project.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # It has ended since it was listed.

    def _answers_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._project.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _survivors(self, children):
        # Half a second: the slow children live for two, so their own end does not hide anything.
        deadline = time.monotonic() + 0.5
        while True:
            living = {child for child in children if _is_alive(child)}
            living |= _marked(self._project.mark)
            if not living or time.monotonic() > deadline:
                return [_describe(child) for child in sorted(living)]
            time.sleep(0.01)


# A process is its id and its start time: a number that is used again is not the same process.

def _status(pid):
    """State, parent and start time of a process; None when there is none."""
    try:
        # The name in brackets may hold anything, so what is wanted stands after the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[19])


def _all_processes():
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (status := _status(entry)) is not None:
            yield int(entry), status


def _is_alive(child):
    status = _status(child[0])
    # A zombie has ended; whoever adopted it has only not looked yet.
    return status is not None and status[0] not in "ZX" and status[2] == child[1]


def _descendants(root):
    processes = dict(_all_processes())
    found, parents = set(), {root}
    while parents:
        parents = {pid for pid, status in processes.items() if status[1] in parents}
        found |= {(pid, processes[pid][2]) for pid in parents}
    return found


def _marked(mark):
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    found = set()
    for pid, status in _all_processes():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue  # It has ended, or is not ours.
        if wanted in environment and status[0] not in "ZX":
            found.add((pid, status[2]))
    return found


def _describe(child):
    try:
        command = Path(f"/proc/{child[0]}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        command = "ended meanwhile"
    return f"process {child[0]}: {command.strip()}"
