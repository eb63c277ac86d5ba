"""kill -9 at random times, and what must be loaded after the next start."""

import random
import time

from control import Gone
from tracks import BUSY, OFF, STEADY


class Kills:
    """Kills and restarts the runtime, and looks at what came back."""

    def __init__(self, seed, runtime, operators, workloads):
        self._chooser = random.Random(f"{seed}:kills")
        self._runtime = runtime
        self._operators = operators
        self._workloads = workloads
        self.count = 0
        # From just before each death until what came back was looked at.
        self.downtimes = []
        self.violations = []
        self.survivors = []

    def kill(self, chooser):
        with self._operators.kill_gate:
            begin = time.time()
            self._forget(begin)
            _, survivors = self._runtime.kill()
            self.survivors += survivors
            self.count += 1
            time.sleep(chooser.choice([0, 0, 0.3, 1.5]))
            self._start(begin)

    def restart_by_signal(self):
        begin = time.time()
        self._forget(begin)
        status = self._runtime.stop(limit=45)
        if status != 0:
            self.violations.append(f"a stop by signal ended with {status}")
        self._start(begin)

    def _start(self, begin):
        self._runtime.start()
        self._runtime.wait_until_ready()
        self.downtimes.append((begin, time.time()))
        for workload in self._workloads:
            self._look_at(workload)

    def _forget(self, now):
        """What was loaded may be gone for a while; what was not must stay so."""
        self._were_steady = {
            workload.name for workload in self._workloads
            if workload.activity.replace(STEADY, BUSY, now)
        }

    def _look_at(self, workload):
        # An operator that has it will find out by itself.
        if not workload.lock.acquire(blocking=False):
            return
        try:
            before = workload.activity.current
            if before == STEADY:
                # An operator was faster, and has seen it.
                return
            self._operators.resolve(workload)
            now = workload.activity.current
            if before == BUSY and workload.name in self._were_steady and now != STEADY:
                self.violations.append(f"kill {self.count}: {workload.name} did not come back")
            if before == OFF and now != OFF:
                self.violations.append(f"kill {self.count}: {workload.name} came back unasked")
        except Gone as failure:
            self.violations.append(f"kill {self.count}: {workload.name}: {failure}")
        finally:
            workload.lock.release()
