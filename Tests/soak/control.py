"""Asking a runtime: over its Unix socket, through the command line, and as a sender of webhooks.

Used by the soak test, the race test and `bench/modules.py`.
"""

import http.client
import json
import socket
import subprocess
import time


class Gone(Exception):
    """There was no answer: the runtime is down, or it died before it answered."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer:
    """Status and JSON of an answer, and when the request began and ended (seconds since 1970)."""

    def __init__(self, status, body, begin, end):
        self.status = status
        self.body = body
        self.begin = begin
        self.end = end

    @property
    def is_ok(self):
        return 200 <= self.status < 300

    def __str__(self):
        return f"{self.status} {json.dumps(self.body)[:300]}"


class Control:
    """The control API over the Unix socket, a connection per request.

    A kept connection would not tell a dead runtime from one that closed an idle connection.
    """

    def __init__(self, socket_path, timeout=60):
        self._socket_path = str(socket_path)
        self._timeout = timeout

    def get(self, path):
        return self._request("GET", path, None)

    def post(self, path, body=None):
        return self._request("POST", path, {} if body is None else body)

    def load(self, path, **extra):
        return self.post("/control/module/load", {"path": str(path), **extra})

    def unload(self, name, **extra):
        return self.post("/control/module/unload", {"name": name, **extra})

    def reload(self, name, **extra):
        return self.post("/control/module/reload", {"name": name, **extra})

    def modules(self):
        """Status by name, as `GET /control/module/list` has it."""
        answer = self.get("/control/module/list")
        if not answer.is_ok:
            raise Gone(str(answer))
        return {module["name"]: module for module in answer.body}

    def _request(self, method, path, body):
        connection = _UnixConnection(self._socket_path, self._timeout)
        begin = time.time()
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answer(response.status, _json(response.read()), begin, time.time())
        except (OSError, http.client.HTTPException) as failure:
            raise Gone(f"{method} {path}: {failure!r}") from failure
        finally:
            connection.close()


class CommandLine:
    """The binary as an operator calls it, on one database."""

    def __init__(self, binary, database, environment):
        self._binary = binary
        self._database = str(database)
        self._environment = environment

    def run(self, *arguments, timeout=60):
        """Returns the finished process, with its output as text."""
        return subprocess.run(
            [self._binary, *arguments, "--db", self._database], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, env=self._environment, timeout=timeout)

    def json(self, *arguments):
        """What a command printed with --json; `Gone` when it failed."""
        done = self.run(*arguments, "--json")
        if done.returncode != 0:
            raise Gone(f"{' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)


class Hook:
    """A kept-alive connection to the webhooks of a runtime."""

    def __init__(self, port, timeout=20):
        self._port = port
        self._timeout = timeout
        self._connection = None

    def open(self):
        """Connects if need be; `OSError` means that nothing was sent."""
        if self._connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, self._timeout)
            connection.connect()
            self._connection = connection

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def post(self, path, body, headers=None):
        begin = time.time()
        try:
            self._connection.request(
                "POST", path, body, {"Content-Type": "application/json", **(headers or {})})
            response = self._connection.getresponse()
            answer = Answer(response.status, _json(response.read()), begin, time.time())
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            raise Gone(repr(failure)) from failure
        if response.will_close:
            self.close()
        return answer


def post_once(port, path, body):
    """One webhook over a connection of its own; the answer."""
    hook = Hook(port)
    try:
        hook.open()
        return hook.post(path, body)
    except OSError as failure:
        raise Gone(repr(failure)) from failure
    finally:
        hook.close()


def _json(data):
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data.decode("utf-8", "replace")
