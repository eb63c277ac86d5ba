"""The operators: random loads, unloads, reloads, pauses, and what they know of each module."""

import random
import threading
import time
from collections import Counter

from control import Gone
from fleet import PAUSABLE, Variant
from tracks import BUSY, FREE, OFF, PAUSED, STEADY, Track

OPERATORS = 3
# How long a state between may last: the drain limit of an unload, and some more.
SETTLE_SECONDS = 45
# One operation in six goes through the command line, the others over the socket.
COMMAND_LINE_SHARE = 1 / 6
# One unload in four cuts off attempts that are still in flight; the others wait for them.
SHORT_DRAIN_SHARE = 1 / 4


class Workload:
    """A module as its operators know it."""

    def __init__(self, files, copy):
        self.name = files.name
        self.files = files
        # The same name at another path: loading it must be refused while this one is loaded.
        self.copy = copy
        self.lock = threading.Lock()
        self.variant = Variant()
        self.activity = Track(OFF)
        self.pauses = {target: Track(FREE) for target in (*PAUSABLE, f"module/{self.name}")}
        # Whether new events must have a delivery of the extra route: True, False or None.
        self.extra = Track(None)
        self.prompts = [(time.time(), 0)]
        self.reloads = []
        # Unloads that may have cut off attempts.
        self.cuts = []

    def write(self, variant):
        """A new configuration on the disk: a restart may read it before any reload does."""
        if variant.has_extra_route != self.variant.has_extra_route:
            self.extra.set(None)
        if variant.prompt != self.variant.prompt:
            self.prompts.append((time.time(), variant.prompt))
        self.files.write(variant)
        self.variant = variant


class Reload:
    """A reload that was done: when, and whether it left the exec source as it was."""

    def __init__(self, begin, end, keeps_counter, interval):
        self.begin, self.end = begin, end
        self.keeps_counter, self.interval = keeps_counter, interval


class Operators:
    """Threads that each take a module at random and do something with it, until stopped."""

    def __init__(self, seed, control, command_line, workloads):
        self._seed = seed
        self._control = control
        self._command_line = command_line
        self._workloads = workloads
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = []
        self._starts = 0
        # Modules that were loaded once: their names alone are enough to load them again.
        self._known = set()
        # Held by a kill, and by what must not be cut in two by one.
        self.kill_gate = threading.Lock()
        self.violations = []
        self.counts = Counter()

    def start(self):
        self._stopping.clear()
        self._starts += 1
        self._threads = [
            threading.Thread(
                target=self._run, args=(f"{self._seed}:operator:{index}:{self._starts}",))
            for index in range(OPERATORS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def complain(self, text):
        with self._lock:
            self.violations.append(f"{time.strftime('%H:%M:%S')} {text}")

    def _run(self, seed):
        chooser = random.Random(seed)
        while not self._stopping.is_set():
            workload = chooser.choice(self._workloads)
            if workload.lock.acquire(timeout=0.05):
                try:
                    self._operate(workload, chooser)
                except Exception as failure:
                    self.complain(f"{workload.name}: an operation failed: {failure!r}")
                finally:
                    workload.lock.release()
            self._stopping.wait(chooser.uniform(0.05, 0.4))

    def _operate(self, workload, chooser):
        is_off = workload.activity.current == OFF
        choices = self._when_off if is_off else self._when_on
        name = chooser.choices(list(choices), weights=list(choices.values()))[0]
        with self._lock:
            self.counts[name] += 1
        getattr(self, f"_{name}")(workload, chooser)
        if workload.activity.current == BUSY:
            self.resolve(workload)

    _when_off = {"load": 8, "load_known": 2, "unload_unloaded": 1, "reload_unloaded": 1}
    _when_on = {
        "unload": 4, "reload_same": 3, "reload_changed": 5, "load_again": 1, "reload_broken": 1,
        "load_taken": 1, "pause": 5, "resume": 5,
    }

    # Loading and unloading.

    def load(self, workload):
        """By path; also the way back at the end of the test."""
        self._begin(workload)
        return self._loaded(workload, self._ask_load(workload, path=str(workload.files.directory)))

    def _load(self, workload, chooser):
        if chooser.random() < COMMAND_LINE_SHARE:
            self._load_by_command(workload)
        else:
            self.load(workload)

    def _load_by_command(self, workload):
        self._begin(workload)
        parameters = [f"{key}={value}" for key, value in workload.files.params.items()]
        options = [part for text in parameters for part in ("--param", text)]
        done = self._command_line.run(
            "module", "load", str(workload.files.directory), *options)
        wanted = f'Loaded "{workload.name}" into runtime (PID '
        if done.returncode == 0 and wanted in done.stdout:
            self._set_loaded(workload)
        elif done.returncode not in (69, 75):
            # 69: the runtime was killed under it.
            self.complain(f"module load {workload.name}: exit {done.returncode}:"
                          f" {done.stdout.strip()} {done.stderr.strip()}")

    def _load_known(self, workload, chooser):
        """By the name alone: the registry remembers the path and the parameters."""
        if workload.name not in self._known:
            return self.load(workload)
        self._begin(workload)
        self._loaded(workload, self._ask(
            lambda: self._control.post("/control/module/load", {"package": workload.name})))

    def _load_again(self, workload, chooser):
        """From the same path it is a reload."""
        begin = time.time()
        workload.activity.set(BUSY, begin)
        answer = self._ask_load(workload, path=str(workload.files.directory))
        if self._loaded(workload, answer):
            workload.reloads.append(Reload(begin, time.time(), True, workload.variant[0]))

    def _load_taken(self, workload, chooser):
        answer = self._ask_load(workload, path=str(workload.copy.directory))
        if answer is not None and answer.status != 409:
            self.complain(f"{workload.name}: loaded from another path: {answer}, not 409")

    def _ask_load(self, workload, **what):
        parameters = workload.files.params
        body = what | ({"params": parameters} if parameters else {})
        return self._ask(lambda: self._control.post("/control/module/load", body))

    def _loaded(self, workload, answer):
        if answer is None:
            return False
        if answer.is_ok:
            self._set_loaded(workload)
            return True
        self.complain(f"load or reload of {workload.name}: {answer}")
        return False

    def _set_loaded(self, workload):
        now = time.time()
        self._known.add(workload.name)
        workload.extra.set(workload.variant.has_extra_route, now)
        workload.activity.set(STEADY, now)

    def _unload(self, workload, chooser):
        if chooser.random() < COMMAND_LINE_SHARE:
            return self._unload_by_command(workload)
        begin = time.time()
        self._begin(workload)
        body = {"on_removed": "park"}
        if chooser.random() < SHORT_DRAIN_SHARE:
            body["drain"] = "50ms"
        answer = self._ask(lambda: self._control.unload(workload.name, **body))
        if "drain" in body:
            workload.cuts.append((begin, time.time()))
        if answer is not None and answer.is_ok:
            workload.activity.set(OFF)
        elif answer is not None:
            self.complain(f"unload {workload.name}: {answer}")

    def _unload_by_command(self, workload):
        self._begin(workload)
        done = self._command_line.run(
            "module", "unload", workload.name, "--on-removed", "park", "--yes")
        if done.returncode == 0:
            workload.activity.set(OFF)
        elif done.returncode not in (69, 75):
            self.complain(f"module unload {workload.name}: exit {done.returncode}:"
                          f" {done.stderr.strip()}")

    def _unload_unloaded(self, workload, chooser):
        self._expect_not_found(workload, lambda: self._control.unload(workload.name))

    def _reload_unloaded(self, workload, chooser):
        self._expect_not_found(workload, lambda: self._control.reload(workload.name))

    def _expect_not_found(self, workload, ask):
        answer = self._ask(ask)
        if answer is not None and answer.status != 404:
            self.complain(f"{workload.name} is not loaded, and a call was answered {answer}")

    # Reloading.

    def _reload_same(self, workload, chooser):
        self._reload(workload, keeps_counter=True)

    def _reload_changed(self, workload, chooser):
        old = workload.variant
        new = chooser.choice([
            old._replace(interval_seconds=3 - old.interval_seconds),
            old._replace(has_extra_route=not old.has_extra_route),
            old._replace(prompt=old.prompt + 1),
        ])
        workload.write(new)
        self._reload(workload, keeps_counter=new.interval_seconds == old.interval_seconds)

    def _reload(self, workload, keeps_counter):
        begin = time.time()
        workload.activity.set(BUSY, begin)
        answer = self._ask(lambda: self._control.reload(workload.name, on_removed="park"))
        if self._loaded(workload, answer):
            workload.reloads.append(
                Reload(begin, time.time(), keeps_counter, workload.variant.interval_seconds))

    def _reload_broken(self, workload, chooser):
        """Refused, and the old one goes on. No kill meanwhile: a start would meet the bad file."""
        with self.kill_gate:
            workload.files.break_file()
            try:
                answer = self._ask(lambda: self._control.reload(workload.name))
            finally:
                workload.files.write(workload.variant)
        if answer is not None and answer.status != 422:
            self.complain(f"{workload.name}: a bad configuration was answered {answer}, not 422")

    # Pausing.

    def _pause(self, workload, chooser):
        target = chooser.choice(list(workload.pauses))
        track = workload.pauses[target]
        if track.current != FREE:
            return
        track.set(None)
        if self._until_answered(workload, "pause", target):
            track.set(PAUSED)

    def _resume(self, workload, chooser):
        paused = [name for name, track in workload.pauses.items() if track.current == PAUSED]
        if paused:
            self.resume(workload, chooser.choice(paused))

    def resume(self, workload, target):
        workload.pauses[target].set(None)
        if self._until_answered(workload, "resume", target):
            workload.pauses[target].set(FREE)

    def _until_answered(self, workload, action, target):
        """Pausing twice is the same as once: asked again when the runtime died over it."""
        deadline = time.monotonic() + SETTLE_SECONDS
        body = {"targets": [target], "reason": "soak"}
        if not target.startswith("module/"):
            body["module"] = workload.name
        while time.monotonic() < deadline:
            answer = self._ask(lambda: self._control.post(f"/control/{action}", body))
            if answer is not None:
                if not answer.is_ok:
                    self.complain(f"{action} {workload.name} {target}: {answer}")
                return answer.is_ok
            time.sleep(0.1)
        self.complain(f"{action} {workload.name} {target}: no answer in {SETTLE_SECONDS} s")
        return False

    # What is known.

    def _begin(self, workload):
        workload.extra.set(None)
        workload.activity.set(BUSY)

    def _ask(self, call):
        """None when the runtime died over it."""
        try:
            return call()
        except Gone:
            return None

    def resolve(self, workload):
        """After an answer that was lost: what is the module now? Only an end state will do."""
        deadline = time.monotonic() + SETTLE_SECONDS
        state = "never answered"
        while time.monotonic() < deadline:
            try:
                begin = time.time()
                status = self._control.modules().get(workload.name)
            except Gone:
                time.sleep(0.1)
                continue
            state = status["state"] if status else "removed"
            if state == "active":
                # Which configuration a restart has read is not known: `extra` stays open.
                return workload.activity.set(STEADY, begin)
            if state == "removed":
                return workload.activity.set(OFF)
            time.sleep(0.1)
        self.complain(f"{workload.name} was {state} for {SETTLE_SECONDS} s")
        return None
