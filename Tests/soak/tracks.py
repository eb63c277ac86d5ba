"""What is known about a module over time.

A track says from when on something is known to be so. While an operation runs, and after one whose
answer was lost with the runtime, nothing is known; checks only look at times of which something
is.
"""

import threading
import time

# A module is loaded, and nothing happens to it.
STEADY = "steady"
# A module is not loaded: nothing of it may happen.
OFF = "off"
# Something is being done to it, or was when the runtime died.
BUSY = "busy"

PAUSED, FREE = "paused", "free"

FOREVER = float("inf")
# Times in the file are cut off to milliseconds: what they stand for lies up to one later.
CUT_OFF = 0.001


class Track:
    """Values, each with the time from which it held."""

    def __init__(self, value):
        self._lock = threading.Lock()
        self._changes = [(time.time(), value)]

    @property
    def current(self):
        with self._lock:
            return self._changes[-1][1]

    def set(self, value, at=None):
        with self._lock:
            # Never before what is known already: a kill may have come between.
            at = max(time.time() if at is None else at, self._changes[-1][0])
            self._changes.append((at, value))

    def replace(self, old, new, at):
        """Sets `new` if it is `old` now; says whether it was."""
        with self._lock:
            is_old = self._changes[-1][1] == old
            if is_old:
                self._changes.append((at, new))
            return is_old

    def spans(self, value):
        """The times in which the value held, as (begin, end)."""
        with self._lock:
            changes = [*self._changes, (FOREVER, None)]
        joined = []
        for (begin, held), (end, _) in zip(changes, changes[1:]):
            if held != value:
                continue
            if joined and joined[-1][1] == begin:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((begin, end))
        return joined


class Spans:
    """Many questions about the spans of one value, without looking at each span again."""

    def __init__(self, track, value):
        self._spans = track.spans(value)

    def __iter__(self):
        return iter(self._spans)

    def around(self, at, margin=0.0):
        """The span that has held for `margin` seconds at this time, or None."""
        for begin, end in self._spans:
            if begin + margin < at and at + CUT_OFF <= end:
                return begin, end
        return None

    def covers(self, begin, end):
        return any(first <= begin and end <= last for first, last in self._spans)
