"""The load: one sender of numbered webhooks per module, and what it knows about each."""

import json
import random
import threading
from collections import Counter

from control import Gone, Hook

# Few, so that order keys often have a queue.
KEYS = 3
# About three webhooks per module and second.
PAUSE_SECONDS_MAX = 0.6


class Post:
    """One webhook: what the last answer was, and when it was asked for."""

    def __init__(self, module, number, chooser):
        self.module = module
        self.number = number
        self.key = f"key-{chooser.randrange(KEYS)}" if chooser.random() < 0.7 else None
        # With an id of its own the sender may ask again without making a second event.
        self.sender_id = f"{module}-{number}" if chooser.random() < 0.5 else None
        self.state = "new"
        self.status = None
        self.event_ids = set()
        self.begin = self.end = 0.0

    @property
    def body(self):
        payload = {"number": self.number, "type": "soak.test", "text": "soak €" * 40}
        if self.key is not None:
            payload["key"] = self.key
        return json.dumps(payload).encode()


class Posters:
    """Posts to every module, loaded or not, until stopped."""

    def __init__(self, seed, port, modules):
        self._port = port
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._posts = []
        self.statuses = Counter()
        self._threads = [
            threading.Thread(target=self._run, args=(module, f"{seed}:posts:{module}"))
            for module in modules
        ]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def posts(self):
        with self._lock:
            return list(self._posts)

    def _run(self, module, seed):
        chooser = random.Random(seed)
        hook = Hook(self._port)
        number = 0
        while not self._stopping.is_set():
            number += 1
            post = Post(module, number, chooser)
            with self._lock:
                self._posts.append(post)
            self._send(post, hook)
            self._stopping.wait(chooser.uniform(0, PAUSE_SECONDS_MAX))
        hook.close()

    def _send(self, post, hook):
        """Sends until there is an answer, or there can be none without risking a second event."""
        headers = {"webhook-id": post.sender_id} if post.sender_id else {}
        while not self._stopping.is_set():
            try:
                hook.open()
            except OSError:
                # Nothing was sent: the runtime is down.
                self._stopping.wait(0.05)
                continue
            try:
                answer = hook.post(f"/webhook/{post.module}/hook", post.body, headers)
            except Gone:
                post.state = "unknown"
                if post.sender_id is None:
                    return
                continue
            self._note(post, answer)
            return

    def _note(self, post, answer):
        with self._lock:
            self.statuses[answer.status] += 1
        post.status, post.begin, post.end = answer.status, answer.begin, answer.end
        if answer.is_ok:
            post.state = "accepted"
            post.event_ids.add(answer.body["event_id"])
        elif post.state != "unknown":
            post.state = "refused"
