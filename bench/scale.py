#!/usr/bin/env python3
"""A project of 2,000 sources, 500 actors and 10,000 routes: bench/scale.py [--binary PATH].

Writes it (seed 004, 5.1: teams with files of their own), then measures `validate`, `plan` and
`start` with its memory, each beside a project of a tenth of the size from the same run. See
README.md.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES, ACTORS, ROUTES, TEAMS = 2_000, 500, 10_000, 100
GOALS = {"validate": 3.0, "plan, stopped": 3.0, "plan, running": 3.0, "start": 5.0}
MEMORY_MIB_MAX = 300


def main():
    arguments = _parse()
    print(f"load {Path('/proc/loadavg').read_text().split()[0]}, {os.cpu_count()} cores,"
          f" {arguments.binary}", flush=True)
    directory = Path(tempfile.mkdtemp(prefix="orgloop-scale-", dir=os.environ.get("BENCH_DIR")))
    try:
        small = _measure(arguments, _project(directory / "small", 10))
        large = _measure(arguments, _project(directory / "large", 1))
    finally:
        if arguments.keep:
            print(f"kept {directory}")
        else:
            shutil.rmtree(directory)
    return _report(small, large)


def _parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    release = ROOT / ".build" / "release" / "orgloop"
    parser.add_argument("--binary", default=release, type=lambda text: Path(text).resolve())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the projects")
    return parser.parse_args()


# What is written.


def _project(root, part):
    """Teams with connectors, routes, transforms and prompts; sources of one team serve others."""
    teams = TEAMS // part
    for folder in ("connectors", "transforms", "routes", "sops"):
        (root / folder).mkdir(parents=True)
    (root / "orgloop.yaml").write_text(
        "apiVersion: orgloop/v1alpha1\nkind: Project\nmetadata: { name: enterprise }\n"
        "runtime: { http: { port: 0 } }\n"
        "defaults: { poll_interval: 10m, delivery: { retry: { max_attempts: 3 } } }\n"
        "connectors: [\"connectors/*.yaml\"]\ntransforms: [\"transforms/*.yaml\"]\n")
    for team in range(teams):
        _write_team(root, team)
    return root


def _write_team(root, team):
    name = f"team{team:03}"
    lines = ["kind: ConnectorGroup", "sources:"]
    for number in range(SOURCES // TEAMS):
        source = f"{name}-in{number:02}"
        if number % 2:
            lines += [f"  - id: {source}", '    connector: "@orgloop/connector-webhook"']
        else:
            lines += [
                f"  - id: {source}", "    connector: cron",
                f"    config: {{ schedules: [{{ name: tick, cron: \"{team % 60} {number} 1 1 *\" }}] }}"]
    lines.append("actors:")
    for number in range(ACTORS // TEAMS):
        lines += [
            f"  - id: {name}-out{number}", '    connector: "@orgloop/connector-webhook"',
            f"    config: {{ url: \"${{HOOKS:-http://127.0.0.1:9}}/{name}/{number}\" }}",
            "    delivery: { max_rate: 100/s, concurrency: 2 }"]
    (root / "connectors" / f"{name}.yaml").write_text("\n".join(lines) + "\n")
    (root / "transforms" / f"{name}.yaml").write_text(
        "kind: TransformGroup\ntransforms:\n"
        f"  - name: {name}-people\n    type: \"@orgloop/transform-filter\"\n"
        "    config: { exclude: { provenance.author: \"bot-*\" } }\n")
    (root / "sops" / f"{name}.md").write_text(
        f"---\nteam: {name}\n---\nHandle the event as {name} does.\n" + "Step.\n" * 40)
    lines = ["kind: RouteGroup", "routes:"]
    for number in range(ROUTES // TEAMS):
        lines += [
            f"  - name: {name}-r{number:03}", "    when:",
            f"      source: {name}-in{number % (SOURCES // TEAMS):02}",
            "      events: [resource.changed]", "      filter:",
            f"        payload.kind: [k{number}, {{ prefix: \"k{number}.\" }}]",
            "        provenance.author: { anything-but: [\"renovate[bot]\"] }",
            f"    transforms: [{name}-people]",
            "    then:", f"      actor: {name}-out{number % (ACTORS // TEAMS)}",
            f"      config: {{ session_key: \"{name}:{{{{ payload.id }}}}\", n: {number} }}",
            f"    with: {{ prompt_file: ../sops/{name}.md }}"]
    (root / "routes" / f"{name}.yaml").write_text("\n".join(lines) + "\n")


# What is measured.


def _measure(arguments, root):
    database = root / "orgloop.db"
    flags = ["-c", str(root), "--db", str(database), "--json"]
    found = {}

    def timed(name, *words):
        times = []
        for _ in range(arguments.rounds):
            times.append(_run(arguments.binary, [*words, *flags]))
        found[name] = (statistics.median(t for t, _ in times), max(m for _, m in times))

    timed("validate", "validate")
    timed("plan, stopped", "plan")
    began = time.monotonic()
    _run(arguments.binary, ["start", "--daemon", *flags])
    found["start"] = (time.monotonic() - began, None)
    try:
        status = json.loads(subprocess.run(
            [arguments.binary, "status", *flags], check=True, capture_output=True).stdout)
        found["started"] = _memory(status["pid"])
        timed("plan, running", "plan")
        found["memory"] = _memory(status["pid"])
    finally:
        _run(arguments.binary, ["stop", *flags])
    began = time.monotonic()
    _run(arguments.binary, ["start", "--daemon", *flags])
    found["start again"] = (time.monotonic() - began, None)
    _run(arguments.binary, ["stop", *flags])
    return found


def _run(binary, words):
    """Seconds and MiB of one command."""
    began = time.monotonic()
    process = subprocess.Popen(
        [binary, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if process.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit {process.returncode}\n{error[:2000]}")
    return seconds, usage.ru_maxrss / 1024


def _memory(pid):
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {key: int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM")}


def _report(small, large):
    isMet = True
    print(f"{'':16} {'a tenth':>10} {'whole':>10} {'ratio':>7} {'goal':>7}  most memory")
    for name, value in large.items():
        if name in ("started", "memory"):
            continue
        goal = GOALS.get(name, GOALS["start"])
        isMet = isMet and value[0] <= goal
        memory = f"{value[1]:.0f} MiB" if value[1] else ""
        print(f"{name:16} {small[name][0]:9.2f}s {value[0]:9.2f}s"
              f" {value[0] / small[name][0]:7.1f} {goal:6.0f}s  {memory}")
    peak = large["memory"]["VmHWM"]
    isMet = isMet and peak <= MEMORY_MIB_MAX
    print(f"runtime: {large['started']['VmRSS']:.0f} MiB when ready,"
          f" {large['memory']['VmRSS']:.0f} MiB after plans, at most {peak:.0f} MiB"
          f" (a tenth: {small['memory']['VmHWM']:.0f} MiB); goal {MEMORY_MIB_MAX} MiB")
    return 0 if isMet else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
