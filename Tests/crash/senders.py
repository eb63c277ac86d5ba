"""The load: eight senders of numbered webhooks, and what they know about each."""

import hashlib
import hmac
import http.client
import json
import random
import threading
import time
from collections import Counter

from payload import digest, encode, webhook_payload

THREADS = 8

# More than this accepted and not yet delivered, and the senders wait: the run has to end in time.
BACKLOG_MAX = 400


class Post:
    """One webhook, as its sender sees it."""

    def __init__(self, number, chooser):
        self.number = number
        payload = webhook_payload(number, chooser)
        self.body = encode(payload).encode()
        self.digest = digest(payload)
        self.key = payload.get("key")
        self.is_fanned = "fan" in payload
        # With an id of its own the sender may ask again without making a second event.
        self.sender_id = f"sender-{number}" if chooser.random() < 0.5 else None
        # 'new' until the first try, then what the last one said: 'accepted', 'unknown', 'refused'.
        self.state = "new"
        self.event_ids = set()


class Senders:
    """Posts until stopped. An answer counts only when it was read to its end."""

    def __init__(self, seed, project, receiver):
        self._project = project
        self._receiver = receiver
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.posts = {}
        self.statuses = Counter()
        self._accepted = 0
        self._threads = [
            threading.Thread(target=self._run, args=(index, seed))
            for index in range(THREADS)
        ]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def accepted_count(self):
        with self._lock:
            return self._accepted

    def refused_count(self):
        """How many answers were not 2xx."""
        with self._lock:
            return sum(self.statuses.values()) - self._accepted

    def odd_answers(self, allowed):
        """What was answered beside 2xx and the statuses that mean: try again later."""
        for status, count in self.statuses.items():
            if status not in allowed and not 200 <= status < 300:
                yield f"{count} times {status}"

    def _run(self, index, seed):
        chooser = random.Random(f"{seed}:sender:{index}")
        connection = _Connection(self._project)
        number = index
        while not self._stopping.is_set():
            if self.accepted_count() - self._receiver.distinct_count() > BACKLOG_MAX:
                self._stopping.wait(0.02)
                continue
            post = Post(number, chooser)
            number += THREADS
            with self._lock:
                self.posts[post.number] = post
            self._send(post, connection)
            self._stopping.wait(chooser.uniform(0, 0.04))
        connection.close()

    def _send(self, post, connection):
        """Sends until there is an answer, or there can be none without risking a second event."""
        while not self._stopping.is_set():
            try:
                connection.open()
            except OSError:
                # Nothing was sent: the runtime is down.
                self._stopping.wait(0.02)
                continue
            try:
                status, answer = connection.post(post)
            except (OSError, http.client.HTTPException):
                connection.close()
                post.state = "unknown"
                if post.sender_id is None:
                    return
                continue
            self._note(post, status, answer)
            if post.state == "accepted" or post.sender_id is None:
                return
            self._stopping.wait(0.1)

    def _note(self, post, status, answer):
        with self._lock:
            self.statuses[status] += 1
            if 200 <= status < 300:
                post.state = "accepted"
                post.event_ids.add(json.loads(answer)["event_id"])
                self._accepted += 1
            elif post.state != "unknown":
                post.state = "refused"


class _Connection:
    """A kept-alive connection to the webhook source."""

    def __init__(self, project):
        self._project = project
        self._connection = None

    def open(self):
        if self._connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._project.port, timeout=20)
            connection.connect()
            self._connection = connection

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def post(self, post):
        code = hmac.new(self._project.secret.encode(), post.body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={code}",
        }
        if post.sender_id is not None:
            headers["webhook-id"] = post.sender_id
        self._connection.request("POST", "/webhook/hook", post.body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.will_close:
            self.close()
        return response.status, answer
