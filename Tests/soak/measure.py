"""What a process costs: threads, descriptors, memory, as /proc says."""

import os
import statistics
import threading
import time
from collections import Counter


class Cost:
    """Threads, file descriptors and resident size of a process at one moment."""

    def __init__(self, pid):
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.threads = self.resident_kb = 0
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("Threads:"):
                    self.threads = int(line.split()[1])
                elif line.startswith("VmRSS:"):
                    self.resident_kb = int(line.split()[1])

    def __str__(self):
        return (f"{self.threads} threads, {self.descriptors} descriptors,"
                f" {self.resident_kb / 1024:.1f} MiB")


def descriptor_kinds(pid):
    """How many of each kind are open: names of files, else such as `socket` and `anon_inode`."""
    kinds = Counter()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue  # It was closed since it was listed.
        kinds[target.rpartition("/")[2].partition(":[")[0]] += 1
    return kinds


def least_cost(pid, goal=None, limit=0.0):
    """The least of several looks; goes on looking until `goal(cost)` or for `limit` seconds.

    Idle connections and threads of a pool end by themselves after a while: they are no leak.
    """
    deadline = time.monotonic() + limit
    best = Cost(pid)
    for _ in range(5):
        time.sleep(0.2)
        best = min(best, Cost(pid), key=lambda cost: cost.descriptors + cost.threads)
    while goal is not None and not goal(best) and time.monotonic() < deadline:
        time.sleep(1)
        best = min(best, Cost(pid), key=lambda cost: cost.descriptors + cost.threads)
    return best


class MemoryLog:
    """Resident size once a second, in the background."""

    def __init__(self, pid):
        self._pid = pid
        self._stopping = threading.Event()
        self._samples = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def ratio(self):
        """The median of the last fifth over that of the second fifth: the first warms up."""
        fifth = max(len(self._samples) // 5, 1)
        warm = statistics.median(self._samples[fifth:2 * fifth] or self._samples)
        end = statistics.median(self._samples[-fifth:])
        return end / warm, warm, end

    def _run(self):
        while not self._stopping.wait(1):
            try:
                self._samples.append(Cost(self._pid).resident_kb)
            except OSError:
                return
