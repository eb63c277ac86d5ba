"""The receiver: counts what arrives, and answers well or badly as the seed says."""

import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from payload import digest
from project import TIMEOUT_SECONDS

# Answers that say "delivered" in time; each of the others is a reason to send again.
CLEAN = ("ok", "slow")


class Arrival(NamedTuple):
    """One request, recorded before it is answered."""

    index: int
    at: float
    route: str
    webhook_id: str
    event_id: str
    source: str
    number: int | None
    digest: str
    answer: str


class Receiver:
    """An HTTP server on a port that stays the same for the whole run.

    How an answer turns out follows from the seed, the event and how often it has come, not from
    the order of arrival, so that a run with the same seed meets the same answers.
    """

    def __init__(self, seed, has_faults=True):
        self._seed = seed
        self._has_faults = has_faults
        self._lock = threading.Lock()
        self._arrivals = []
        self._arrivals_by_id = {}
        self._gate = threading.Event()
        self._gate.set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.port = self._server.server_address[1]

    def start(self):
        self._thread.start()

    def stop(self):
        self._gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def arrivals(self):
        with self._lock:
            return list(self._arrivals)

    def distinct_count(self):
        """How many different deliveries have come."""
        with self._lock:
            return len(self._arrivals_by_id)

    def hold(self):
        """Keeps answers back until release(); requests are still recorded."""
        self._gate.clear()

    def release(self):
        self._gate.set()

    def wait_for_gate(self):
        self._gate.wait()

    def record(self, path, webhook_id, body):
        """Notes a request and says how it is to be answered."""
        try:
            event = json.loads(body)["event"]
            payload = event["payload"]
            event_id, source, number = event["id"], event["source"], payload["number"]
        except (ValueError, KeyError, TypeError):
            # Nothing that was ever sent looks like this: it will count as a phantom.
            payload, event_id, source, number = body.decode("utf-8", "replace"), "", "", None
        with self._lock:
            nth = self._arrivals_by_id.get(webhook_id, 0)
            self._arrivals_by_id[webhook_id] = nth + 1
            answer = self._answer(f"{source}:{path}:{number}", nth)
            arrival = Arrival(
                len(self._arrivals), time.monotonic(), f"{source}{path}", webhook_id, event_id,
                source, number, digest(payload), answer)
            self._arrivals.append(arrival)
        return answer

    def _answer(self, name, nth):
        # After a few times every delivery gets through, or the run would not end.
        if not self._has_faults or nth >= 6:
            return "ok"
        chooser = random.Random(f"{self._seed}:{name}:{nth}")
        return chooser.choices(
            ["ok", "slow", "error", "close", "cut", "hang"], weights=[850, 60, 50, 25, 13, 2])[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        # A killed runtime leaves broken connections behind: that is what this test is about.
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            # Its sender was killed half-way: no receiver would take this for a request.
            self.close_connection = True
            return
        receiver = self.server.receiver
        answer = receiver.record(self.path, self.headers.get("webhook-id", ""), body)
        receiver.wait_for_gate()
        getattr(self, f"_answer_{answer}")()

    def _answer_ok(self):
        self._send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def _answer_slow(self):
        time.sleep(0.2)
        self._answer_ok()

    def _answer_error(self):
        self._send(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")

    def _answer_close(self):
        self._end()

    def _answer_cut(self):
        self._send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of an ans")
        self._end()

    def _answer_hang(self):
        time.sleep(TIMEOUT_SECONDS + 1)
        self._answer_ok()

    def _send(self, data):
        # One write for head and body, or Nagle's algorithm would hold the second one back.
        self.wfile.write(data)

    def _end(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format, *arguments):
        # The arrivals are the log.
        pass
