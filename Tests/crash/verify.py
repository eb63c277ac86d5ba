"""The last judgement: what was sent, what the file says and what arrived must agree."""

import json
from collections import Counter, defaultdict

from payload import counter_payload, digest
from receiver import CLEAN, Arrival

# Where a source's events go: what the receiver, or the file, records as the route.
HOOK_ROUTE = "hook/receiver"
FAN_ROUTE = "hook/second"
COUNTER_ROUTES = ("counter/receiver", "counter/file")


def read_appended(path):
    """The lines of the exec actor, as arrivals of a route of their own."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Arrival(index, 0, "counter/file", line["webhook_id"], line["event_id"], line["source"],
                line["number"], line["digest"], line["answer"])
        for index, line in enumerate(lines)
    ]


class Judgement:
    """Every check is a method that yields one text per violation."""

    def __init__(self, posts, arrivals, contents):
        self._posts = posts
        self._arrivals = arrivals
        self._contents = contents
        self._by_delivery = defaultdict(list)
        for arrival in arrivals:
            self._by_delivery[arrival.webhook_id].append(arrival)
        # Route and number of everything that arrived unharmed.
        self._arrived = {
            (arrival.route, arrival.number) for arrival in arrivals
            if arrival.digest == self._digest(arrival)
        }
        self._numbers = defaultdict(list)
        for event_id, event in contents.events.items():
            self._numbers[event.source, event.number].append(event_id)

    def checks(self):
        return [
            ("lost: accepted, not delivered", self.lost()),
            ("accepted, not in the file", self.not_stored()),
            ("checkpoint ahead of or behind its events", self.checkpoint_gaps()),
            ("lost: covered by the checkpoint, not delivered", self.lost_by_checkpoint()),
            ("phantom: delivered, never sent", self.phantoms()),
            ("corrupted: delivered with another payload", self.corrupted()),
            ("unsettled at the end", self.unsettled()),
            ("settled, but not as delivered", self.not_delivered()),
            ("settled as delivered, never answered with 2xx", self.never_answered()),
            ("sent again without a cause", self.duplicates_without_cause()),
            ("arrived more often than attempted", self.more_than_attempted()),
            ("several webhook-ids for one event and route", self.several_ids()),
            ("one webhook stored as several events", self.stored_twice()),
            ("order per key not kept", self.out_of_order()),
        ]

    def duplicates(self):
        """How many arrivals were not the first of their delivery."""
        return len(self._arrivals) - len(self._by_delivery)

    def lost(self):
        for post in self._posts.values():
            if post.state != "accepted":
                continue
            for route in [HOOK_ROUTE] + [FAN_ROUTE] * post.is_fanned:
                if (route, post.number) not in self._arrived:
                    yield f"webhook {post.number} {sorted(post.event_ids)} at {route}"

    def not_stored(self):
        for post in self._posts.values():
            for event_id in post.event_ids:
                event = self._contents.events.get(event_id)
                if event is None or event.number != post.number:
                    yield f"webhook {post.number}, answered with {event_id}"

    def checkpoint_gaps(self):
        stored = Counter(
            event.number for event in self._contents.events.values() if event.source == "counter")
        for number in range(1, max([self._contents.checkpoint, *stored]) + 1):
            expected = 1 if number <= self._contents.checkpoint else 0
            if stored[number] != expected:
                yield f"number {number} is stored {stored[number]} times, not {expected}"

    def lost_by_checkpoint(self):
        for number in range(1, self._contents.checkpoint + 1):
            for route in COUNTER_ROUTES:
                if (route, number) not in self._arrived:
                    yield f"number {number} at {route}"

    def phantoms(self):
        for arrival in self._arrivals:
            if self._digest(arrival) is None:
                yield f"{arrival.webhook_id}: {arrival.source} {arrival.number}"

    def corrupted(self):
        for arrival in self._arrivals:
            if self._digest(arrival) not in (None, arrival.digest):
                yield f"{arrival.webhook_id}: {arrival.source} {arrival.number}"

    def unsettled(self):
        for delivery_id, delivery in self._contents.deliveries.items():
            if delivery.state in ("pending", "running", "waiting", "parked"):
                yield f"{delivery_id}: {delivery.state}, {delivery.attempts} attempts"

    def not_delivered(self):
        for delivery_id, delivery in self._contents.deliveries.items():
            if delivery.state in ("dropped", "skipped", "dead"):
                yield f"{delivery_id}: {delivery.state}"

    def never_answered(self):
        for delivery_id, delivery in self._contents.deliveries.items():
            answers = [arrival.answer for arrival in self._by_delivery.get(delivery_id, [])]
            if delivery.state == "delivered" and not any(answer in CLEAN for answer in answers):
                yield f"{delivery_id}: {answers}"

    def duplicates_without_cause(self):
        # A bad answer is the cause of one more arrival. Each good answer but one needs an attempt
        # that a kill interrupted.
        for delivery_id, arrivals in self._by_delivery.items():
            good = sum(arrival.answer in CLEAN for arrival in arrivals)
            interrupted = self._contents.interrupted.get(delivery_id, 0)
            if good > 1 + interrupted:
                yield f"{delivery_id}: {good} good answers, {interrupted} interrupted attempts"

    def more_than_attempted(self):
        for delivery_id, arrivals in self._by_delivery.items():
            delivery = self._contents.deliveries.get(delivery_id)
            attempts = delivery.attempts if delivery else 0
            if len(arrivals) > attempts:
                yield f"{delivery_id}: {len(arrivals)} arrivals, {attempts} attempts"

    def several_ids(self):
        ids = defaultdict(set)
        for arrival in self._arrivals:
            ids[arrival.route, arrival.event_id].add(arrival.webhook_id)
        for (route, event_id), found in ids.items():
            if len(found) > 1:
                yield f"{event_id} at {route}: {sorted(found)}"

    def stored_twice(self):
        for (source, number), event_ids in self._numbers.items():
            if source == "hook" and len(event_ids) > 1:
                yield f"webhook {number}: {event_ids}"
        for post in self._posts.values():
            if len(post.event_ids) > 1:
                yield f"webhook {post.number} was answered with {sorted(post.event_ids)}"

    def out_of_order(self):
        """Per key, everything of one event arrives before anything of the next."""
        spans = defaultdict(dict)
        for arrival in self._arrivals:
            post = self._posts.get(arrival.number)
            if arrival.route != HOOK_ROUTE or post is None or post.key is None:
                continue
            first, _ = spans[post.key].get(arrival.event_id, (arrival.index, None))
            spans[post.key][arrival.event_id] = (first, arrival.index)
        for key, events in spans.items():
            accepted = sorted(
                (event_id for event_id in events if event_id in self._contents.events),
                key=lambda event_id: self._contents.events[event_id].sequence)
            for earlier, later in zip(accepted, accepted[1:]):
                if events[earlier][1] > events[later][0]:
                    yield f"{key}: {later} arrived before {earlier} was done"

    def _digest(self, arrival):
        """The digest that this arrival should have; None when nothing like it was sent."""
        if arrival.source == "hook":
            post = self._posts.get(arrival.number)
            return post.digest if post else None
        if arrival.source == "counter" and arrival.number is not None:
            if 1 <= arrival.number <= self._contents.checkpoint:
                return self._counter_digest(arrival.number)
        return None

    _counter_digests = {}

    def _counter_digest(self, number):
        if number not in self._counter_digests:
            self._counter_digests[number] = digest(counter_payload(number))
        return self._counter_digests[number]
