#!/usr/bin/env python3
"""500 modules at once, and a quiet module beside a sick one: bench/modules.py [--binary PATH].

See README.md. Prints each figure beside its goal or its baseline of the same run.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "soak"))

from control import CommandLine, Control, Gone, Hook  # noqa: E402
from fleet import Host, webhook_actor  # noqa: E402
from measure import Cost  # noqa: E402
from project import MARK_VARIABLE  # noqa: E402
from runtime import Runtime  # noqa: E402
from sink import Sink  # noqa: E402

ROUTES = 4
RELOADS = 50
LISTS = 30
# What the other modules do while one is reloaded: webhooks per second, over all of them.
WORK_PER_SECOND = 100
# Of the quiet module, per second; one at a time.
QUIET_PER_SECOND = 50


def main():
    arguments = _parse()
    print(f"seed {arguments.seed}, load {Path('/proc/loadavg').read_text().split()[0]},"
          f" {os.cpu_count()} cores, {arguments.binary}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="orgloop-bench-", dir=os.environ.get("BENCH_DIR")))
    try:
        for name in ("many", "isolation"):
            if arguments.only in (None, name):
                (directory / name).mkdir()
                _with_runtime(arguments, directory / name, _MEASUREMENTS[name])
    finally:
        shutil.rmtree(directory)
    return 0


def _parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = ROOT / ".build" / "release" / "orgloop"
    parser.add_argument("--binary", default=release, type=lambda text: Path(text).resolve())
    parser.add_argument("--modules", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10, help="of each part of isolation")
    parser.add_argument("--rounds", type=int, default=3, help="of isolation")
    parser.add_argument("--only", choices=sorted(_MEASUREMENTS))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.binary.exists():
        parser.error("build it first: swift build -c release --static-swift-stdlib --product"
                     " orgloop (or name another with --binary)")
    return arguments


def _with_runtime(arguments, directory, measure):
    """A runtime with a receiver, for one measurement; nothing is left of them."""
    sink = Sink(str(arguments.seed), has_faults=False)
    host = Host(directory, str(arguments.seed), sink.port)
    host.write()
    runtime = Runtime(str(arguments.binary), host)
    sink.start()
    try:
        runtime.start()
        runtime.wait_until_ready()
        measure(arguments, host, sink, Control(host.socket))
    finally:
        runtime.end()
        sink.stop()


def _row(what, figure, goal=""):
    print(f"  {what:46} {figure:>26}   {goal}", flush=True)


def _p99(values):
    return sorted(values)[max(int(len(values) * 0.99 + 0.5) - 1, 0)]


def _ms(values):
    return f"{statistics.median(values) * 1e3:.1f} ms, p99 {_p99(values) * 1e3:.1f} ms"


def _write(host, name, extra_routes=0, sources=(), actors=(), routes=(), transforms=()):
    """A module with a webhook source, a webhook actor, and a few routes of each kind."""
    directory = host.directory / "modules" / name
    directory.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{host.receiver_port}/{name}/main"
    more = [
        {"name": f"route-{number}", "then": {"actor": "main"},
         "when": {"source": "hook", "filter": {"payload.kind": f"kind-{number}"}}}
        for number in range(1, ROUTES + extra_routes)
    ]
    (directory / "orgloop.yaml").write_text(json.dumps({
        "apiVersion": "orgloop/v1alpha1", "kind": "Project", "metadata": {"name": name},
        "sources": [{"id": "hook", "connector": "webhook"}, *sources],
        "actors": [webhook_actor("main", url), *actors],
        "routes": [{"name": "all", "when": {"source": "hook"}, "then": {"actor": "main"}},
                   *more, *routes],
        "transforms": list(transforms),
    }))
    return directory


def _done(answer):
    if not answer.is_ok:
        raise SystemExit(f"the runtime refused: {answer}")
    return answer.end - answer.begin


# 500 modules.

def _measure_many(arguments, host, sink, control):
    names = [f"m{number:03}" for number in range(arguments.modules)]
    paths = {name: _write(host, name) for name in names}
    pid = _pid(control)
    empty = Cost(pid)
    print(f"{len(names)} modules with {ROUTES} routes each")
    began = time.monotonic()
    single = [_done(control.load(paths[name])) for name in names]
    _row("load all, one after the other", f"{time.monotonic() - began:.2f} s", "goal < 10 s")
    _row("  one load", _ms(single))
    _row("  the last tenth over the first", f"{_last_over_first(single):.2f}")
    time.sleep(2)
    full = Cost(pid)
    _row("memory, empty and loaded",
         f"{empty.resident_kb / 1024:.0f} MiB, {full.resident_kb / 1024:.0f} MiB",
         f"{(full.resident_kb - empty.resident_kb) / len(names):.0f} KiB a module")
    _row("threads, empty and loaded", f"{empty.threads}, {full.threads}")
    _row("descriptors, empty and loaded", f"{empty.descriptors}, {full.descriptors}")
    _measure_lists(arguments, host, control, len(names))
    _measure_reloads(arguments, host, control, names)
    began = time.monotonic()
    unloads = [_done(control.unload(name)) for name in names]
    _row("unload all, one after the other", f"{time.monotonic() - began:.2f} s")
    _row("  one unload", _ms(unloads))
    _row("load all again, four at once", f"{_load_at_once(control, paths, 4):.2f} s")


def _measure_lists(arguments, host, control, count):
    found = control.modules()
    if sum(module["state"] == "active" for module in found.values()) < count:
        raise SystemExit("not all modules are active")
    over_socket = [_done(control.get("/control/module/list")) for _ in range(LISTS)]
    _row("list over the socket", _ms(over_socket), "goal < 100 ms")
    command_line = CommandLine(str(arguments.binary), host.database, host.environment())
    commands = [_seconds(lambda: command_line.json("module", "list")) for _ in range(LISTS)]
    versions = [_seconds(lambda: subprocess.run(
        [arguments.binary, "version"], capture_output=True, check=True)) for _ in range(LISTS)]
    _row("`module list --json`, the whole process", _ms(commands), "goal < 100 ms")
    _row("  `version`, for comparison", _ms(versions),
         f"ratio {statistics.median(commands) / statistics.median(versions):.2f}")


def _measure_reloads(arguments, host, control, names):
    """While webhooks go to all the others, one module is reloaded, as it is and changed."""
    subject = names[len(names) // 2]
    workers = _Workers(host, [name for name in names if name != subject], arguments.seed)
    workers.start()
    time.sleep(1)
    try:
        same, changed = [], []
        for number in range(RELOADS):
            same.append(_done(control.reload(subject)))
            _write(host, subject, extra_routes=1 + number % 2)
            changed.append(_done(control.reload(subject)))
            time.sleep(0.05)
    finally:
        workers.stop()
    _row(f"reload of one, unchanged ({RELOADS} times)", _ms(same), "goal < 50 ms")
    _row(f"reload of one, a route more or less ({RELOADS})", _ms(changed), "goal < 50 ms")
    _row("  meanwhile, webhooks of the others", f"{workers.accepted} accepted",
         f"{workers.refused} refused")


def _load_at_once(control, paths, clients):
    waiting = list(paths.values())
    lock = threading.Lock()

    def load():
        while True:
            with lock:
                if not waiting:
                    return
                path = waiting.pop()
            _done(control.load(path))

    threads = [threading.Thread(target=load) for _ in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


class _Workers:
    """Webhooks to random modules at a steady rate."""

    def __init__(self, host, names, seed, per_second=WORK_PER_SECOND):
        self._pause = 1 / per_second
        self._host = host
        self._names = names
        self._chooser = random.Random(f"{seed}:work")
        self._stopping = threading.Event()
        self.accepted = self.refused = 0
        self._thread = threading.Thread(target=self._run)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        hook = Hook(self._host.port)
        while not self._stopping.wait(self._pause):
            name = self._chooser.choice(self._names)
            try:
                hook.open()
                is_ok = hook.post(f"/webhook/{name}/hook", b'{"number": 1}').is_ok
            except (OSError, Gone):
                is_ok = False
            self.accepted += is_ok
            self.refused += not is_ok
        hook.close()


def _last_over_first(values):
    tenth = max(len(values) // 10, 1)
    return statistics.median(values[-tenth:]) / statistics.median(values[:tenth])


def _seconds(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _pid(control):
    return control.get("/control/status").body["pid"]


# A quiet module beside a sick one.

def _measure_isolation(arguments, host, sink, control):
    """Alternating: alone, beside a busy process of its own, beside a sick module.

    A sick module's script burns a core of the machine, whoever runs it; `busy` is a process that
    does just that, so that what the runtime itself adds can be told from it.
    """
    print("a quiet module: webhook sent until delivered")
    _done(control.load(_write(host, "quiet")))
    sick = _write_sick(host)
    latencies = {"alone": [], "busy": [], "sick": []}
    numbers = iter(range(1, 10**9))
    for _ in range(arguments.rounds):
        latencies["alone"] += _latencies(arguments, host, sink, numbers)
        # A session of its own, as the runtime has: the kernel shares the cores between sessions.
        busy = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "while True: pass"], start_new_session=True)
        try:
            latencies["busy"] += _latencies(arguments, host, sink, numbers)
        finally:
            busy.kill()
            busy.wait()
        _done(control.load(sick))
        stop = _feed_sick(host)
        time.sleep(2)
        try:
            latencies["sick"] += _latencies(arguments, host, sink, numbers)
        finally:
            stop()
            _done(control.unload("sick", on_removed="drop", drain="1s"))
        time.sleep(1)
    for name, values in latencies.items():
        _row(name, _ms(values), f"{len(values)} webhooks")
    for name, base in (("busy", "alone"), ("sick", "alone"), ("sick", "busy")):
        _row(f"{name} over {base}, median and p99", _ratios(latencies[name], latencies[base]))


def _ratios(values, base):
    median = statistics.median(values) / statistics.median(base)
    return f"{median:.2f}, {_p99(values) / _p99(base):.2f}"


def _latencies(arguments, host, sink, numbers):
    """Seconds from sending a webhook until its delivery has come, one after the other."""
    hook = Hook(host.port)
    found = []
    deadline = time.monotonic() + arguments.seconds
    while time.monotonic() < deadline:
        number = next(numbers)
        hook.open()
        answer = hook.post("/webhook/quiet/hook", json.dumps({"number": number}).encode())
        _done(answer)
        found.append((number, answer.begin))
        time.sleep(1 / QUIET_PER_SECOND)
    hook.close()
    # The slowest of them must have come before it is read.
    time.sleep(1)
    arrived = {
        arrival.number: arrival.at for arrival in sink.delivered() if arrival.module == "quiet"
    }
    missing = [number for number, _ in found if number not in arrived]
    if missing:
        print(f"  {len(missing)} of {len(found)} webhooks took longer than a second")
    return [arrived.get(number, time.time()) - begin for number, begin in found]


def _write_sick(host):
    """Its actor hangs, its script spins, its source throws."""
    # Marked, so that a child which outlived its runtime would be found and ended.
    spin = {"command": [sys.executable, "-I", "-S", "-c", "while True: pass"],
            "env": {MARK_VARIABLE: host.mark}}
    patient = {"concurrency": 16, "timeout": "30s", "circuit_breaker": False}
    # Nobody listens to what was sent here: the listener's queue takes the connection, and that is
    # all that ever happens.
    hang = {"id": "hang", "connector": "webhook", "delivery": patient,
            "config": {"url": f"http://127.0.0.1:{_deaf_port()}/sick/hang"}}
    return _write(
        host, "sick",
        sources=[{"id": "throw", "connector": "exec", "poll": {"interval": "1s"},
                  "config": {"command": ["false"]}}],
        actors=[hang, {"id": "spin", "connector": "exec", "config": spin,
                       "delivery": patient | {"concurrency": 1}}],
        routes=[
            {"name": "hang", "when": {"source": "hook"}, "then": {"actor": "hang"}},
            {"name": "spin", "when": {"source": "hook"}, "then": {"actor": "spin"}},
            {"name": "thrown", "when": {"source": "throw"}, "then": {"actor": "spin"}},
        ])


_deaf_listeners = []


def _deaf_port():
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    _deaf_listeners.append(listener)
    return listener.getsockname()[1]


def _feed_sick(host):
    """Ten webhooks a second for the sick module; returns what stops them."""
    workers = _Workers(host, ["sick"], 0, per_second=10)
    workers.start()
    return workers.stop


_MEASUREMENTS = {"many": _measure_many, "isolation": _measure_isolation}

if __name__ == "__main__":
    sys.exit(main())
