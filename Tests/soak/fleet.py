"""The generated projects: the boot project, and modules that all use the same names inside.

Equal names are the point: sources, routes, queues and checkpoints of two modules must never meet.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import crash_path  # noqa: F401  (makes the crash test's pieces importable)
from project import MARK_VARIABLE, Project, delivery, TIMEOUT_SECONDS

HERE = Path(__file__).resolve().parent
NUMBERS_PER_POLL = 2
TICK_SECONDS = 1

# What can be paused in every module.
PAUSABLE = (
    "source/hook", "source/counter", "route/hook-main", "route/count-file", "actor/main",
    "actor/file",
)
# Routes of the sources, without the one that reloads add and remove.
HOOK_ROUTE, EXTRA_ROUTE = "hook-main", "hook-extra"
COUNT_ROUTE, FILE_ROUTE, TICK_ROUTE = "count-main", "count-file", "tick-main"


class Variant(NamedTuple):
    """What reloads change in a module."""

    interval_seconds: int = 2
    has_extra_route: bool = False
    prompt: int = 0


class Host(Project):
    """The boot project, which is the module `default`, and the place for everything else."""

    def __init__(self, directory, seed, receiver_port):
        super().__init__(directory, seed, receiver_port)
        self.socket = self.database.with_suffix(".sock")
        self.modules = {}

    def add(self, name, copy=""):
        """A module's directory; `copy` makes a second one with the same name inside."""
        module = ModuleFiles(self, name, self.directory / f"modules{copy}" / name)
        if not copy:
            self.modules[name] = module
        return module

    def _configuration(self):
        return {
            "apiVersion": "orgloop/v1alpha1",
            "kind": "Project",
            "metadata": {"name": "soak-host"},
            "sources": [{"id": "hook", "connector": "webhook"}],
            "actors": [self._receiver("default/main")],
            "routes": [{
                "name": HOOK_ROUTE, "when": {"source": "hook"}, "then": {"actor": "main"},
                "delivery": {"order_key": "payload.key"},
            }],
        }

    def _receiver(self, path):
        return webhook_actor(
            path.rpartition("/")[2], f"http://127.0.0.1:{self.receiver_port}/{path}")


class ModuleFiles:
    """The directory of one module, written anew for every variant."""

    def __init__(self, host, name, directory):
        self._host = host
        self.name = name
        self.directory = directory
        self.appended = directory / "appended.jsonl"
        self.polls = directory / "polls.jsonl"
        self.stop_file = directory / "counter.stop"
        # Half of them are `kind: Module` and get their receiver as a parameter.
        self.has_params = int(name.lstrip("m") or 0) % 2 == 0
        self.file = directory / ("orgloop-module.yaml" if self.has_params else "orgloop.yaml")

    @property
    def params(self):
        if not self.has_params:
            return {}
        return {"receiver": f"http://127.0.0.1:{self._host.receiver_port}"}

    def write(self, variant):
        (self.directory / "sops").mkdir(parents=True, exist_ok=True)
        _replace(self.directory / "sops" / "prompt.md", f"prompt {variant.prompt}")
        _replace(self.file, json.dumps(self._configuration(variant), indent=2))

    def break_file(self):
        """What a reload must refuse: a route to an actor that is not there."""
        configuration = json.loads(self.file.read_text())
        configuration["routes"][0]["then"]["actor"] = "nobody"
        _replace(self.file, json.dumps(configuration))

    def _configuration(self, variant):
        routes = [
            self._route(HOOK_ROUTE, "hook", "main", delivery={"order_key": "payload.key"},
                        **{"with": {"prompt_file": "sops/prompt.md"}}),
            self._route(COUNT_ROUTE, "counter", "main"),
            self._route(FILE_ROUTE, "counter", "file", {"payload.even": True}),
            self._route(TICK_ROUTE, "tick", "main"),
        ]
        if variant.has_extra_route:
            routes.append(self._route(EXTRA_ROUTE, "hook", "second"))
        head = {"apiVersion": "orgloop/v1alpha1", "metadata": {"name": self.name}}
        if self.has_params:
            head |= {"kind": "Module", "params": {"receiver": {"required": True}}}
        else:
            head |= {"kind": "Project"}
        return head | {
            "sources": self._sources(variant), "actors": self._actors(), "routes": routes,
        }

    def _route(self, name, source, actor, filter=None, **more):
        when = {"source": source} | ({"filter": filter} if filter else {})
        return {"name": name, "when": when, "then": {"actor": actor}} | more

    def _sources(self, variant):
        command = self._command(
            HERE / "feed.py", NUMBERS_PER_POLL, self.polls, self.stop_file)
        return [
            {"id": "hook", "connector": "webhook"},
            {"id": "counter", "connector": "exec", "config": command,
             "poll": {"interval": f"{variant.interval_seconds}s"}},
            {"id": "tick", "connector": "cron", "config": {
                "schedules": [{"name": "tick", "cron": f"every {TICK_SECONDS}s"}]}},
        ]

    def _actors(self):
        base = "{{ params.receiver }}" if self.has_params else (
            f"http://127.0.0.1:{self._host.receiver_port}")
        crash = HERE.parent / "crash"
        # Without the extra route nothing leads to `second`: a warning, and wanted here.
        return [
            webhook_actor("main", f"{base}/{self.name}/main"),
            webhook_actor("second", f"{base}/{self.name}/second"),
            {"id": "file", "connector": "exec", "delivery": delivery(TIMEOUT_SECONDS),
             "config": self._command(crash / "append_actor.py", self.appended, self._host.seed)},
        ]

    def _command(self, script, *arguments):
        command = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
        return {"command": command, "env": {MARK_VARIABLE: self._host.mark}}


def webhook_actor(name, url):
    return {
        "id": name, "connector": "webhook", "delivery": delivery(TIMEOUT_SECONDS),
        "config": {"url": url},
    }


def _replace(path, text):
    """Never half-written: a kill in the middle must leave a module that loads."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.replace(path)
