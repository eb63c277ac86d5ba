"""The generated project: where its files lie, and what its configuration says."""

import json
import secrets
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVENTS_PER_POLL = 5

# What every child of the runtime has in its environment; see Project.mark.
MARK_VARIABLE = "CRASH_TEST_MARK"


class Project:
    """A directory with a configuration, a database and the files that the test needs."""

    def __init__(self, directory, seed, receiver_port, database_directory=None):
        self.directory = Path(directory)
        self.database = Path(database_directory or directory) / "orgloop.db"
        self.appended = self.directory / "appended.jsonl"
        self.stop_file = self.directory / "source.stop"
        self.log = self.directory / "runtime.log"
        self.seed = seed
        self.receiver_port = receiver_port
        self.port = free_port()
        self.secret = secrets.token_hex(16)
        # Names the children of this run, so that one which outlives its runtime is found.
        self.mark = secrets.token_hex(8)

    def write(self):
        # JSON is YAML, and needs no quoting rules.
        path = self.directory / "orgloop.yaml"
        path.write_text(json.dumps(self._configuration(), indent=2))
        path.chmod(0o600)

    def environment(self):
        return {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.directory),
            "HOOK_SECRET": self.secret,
            # The backtracer may hang for minutes (reliability.md 1).
            "SWIFT_BACKTRACE": "enable=no",
        }

    def _configuration(self):
        return {
            "apiVersion": "orgloop/v1alpha1",
            "kind": "Project",
            "metadata": {"name": "crash-test"},
            "sources": [
                {"id": "hook", "connector": "webhook", "config": {"secret": "${HOOK_SECRET}"}},
                {"id": "counter", "connector": "exec", "poll": {"interval": "1s"},
                 "config": self._command(
                     "exec_source.py", str(EVENTS_PER_POLL), str(self.stop_file))},
            ],
            "actors": [
                self._receiver("receiver"),
                self._receiver("second"),
                {"id": "file", "connector": "exec", "delivery": delivery(),
                 "config": self._command("append_actor.py", str(self.appended), self.seed)},
            ],
            "routes": [
                {"name": "hook-receiver", "when": {"source": "hook"},
                 "then": {"actor": "receiver"}, "delivery": {"order_key": "payload.key"}},
                {"name": "hook-second",
                 "when": {"source": "hook", "filter": {"payload.fan": True}},
                 "then": {"actor": "second"}},
                {"name": "counter-receiver", "when": {"source": "counter"},
                 "then": {"actor": "receiver"}},
                {"name": "counter-file", "when": {"source": "counter"},
                 "then": {"actor": "file"}},
            ],
        }

    def _command(self, script, *arguments):
        # -I and -S: nothing of the host's Python set-up, and a start in a third of the time.
        command = [sys.executable, "-I", "-S", str(HERE / script), *arguments]
        return {"command": command, "env": {MARK_VARIABLE: self.mark}}

    def _receiver(self, name):
        return {
            "id": name, "connector": "webhook", "delivery": delivery(),
            "config": {"url": f"http://127.0.0.1:{self.receiver_port}/{name}"},
        }


# Shorter than the receiver's `hang`, far longer than any other answer of it.
TIMEOUT_SECONDS = 5


def delivery():
    return {
        "concurrency": 8,
        # Nothing may be dropped or held back: every delivery has to end at its actor.
        "queue_depth": 1_000_000,
        "overflow": "block",
        "circuit_breaker": False,
        "timeout": f"{TIMEOUT_SECONDS}s",
        "retry": {"max_attempts": 1000, "initial_delay": "50ms", "max_delay": "500ms"},
    }


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
