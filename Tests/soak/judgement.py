"""The judgement: what was sent, stored, delivered and ordered must agree, at every time.

Every check is a method that yields one text per violation.
"""

from collections import Counter, defaultdict

import crash_path  # noqa: F401
from feed import feed_payload
from fleet import COUNT_ROUTE, EXTRA_ROUTE, FILE_ROUTE, HOOK_ROUTE, TICK_ROUTE, TICK_SECONDS
from payload import digest
from receiver import CLEAN
from tracks import BUSY, FREE, OFF, PAUSED, STEADY, Spans

# The file has milliseconds, cut off.
ROUNDING = 0.002
# From the start of an attempt until the receiver has read the request, on a busy machine.
ARRIVAL_DELAY = 0.5
# A poll that ran when its source was paused may still commit; it takes half a second at most.
POLL_SECONDS = 2
# An attempt takes no longer than its time limit, and one second is for the machine.
ATTEMPT_SECONDS = 7

UNSETTLED = ("pending", "running", "waiting", "parked")


class Judgement:
    def __init__(self, record):
        self._record = record
        self._by_delivery = defaultdict(list)
        for arrival in [*record.arrivals, *record.appended]:
            self._by_delivery[arrival.webhook_id].append(arrival)
        self._off = {
            name: Spans(workload.activity, OFF) for name, workload in record.workloads.items()
        }

    def checks(self):
        return [
            ("lost: accepted, and no event in the file", self.not_stored()),
            ("lost: a matching route has no delivery, or one too many", self.wrong_routes()),
            ("lost: settled as delivered, and no receiver said so", self.never_answered()),
            ("lost or repeated numbers of the exec sources", self.wrong_numbers()),
            ("lost or repeated ticks of the cron sources", self.wrong_ticks()),
            ("one webhook stored as several events", self.stored_twice()),
            ("unsettled at the end", self.unsettled()),
            ("ended otherwise, without a reason", self.without_reason()),
            ("delivered to another module or actor than routed to", self.astray()),
            ("sent again without a cause", self.repeated_without_cause()),
            ("attempts interrupted without a kill or a short drain", self.interrupted_alive()),
            ("order per key not kept", self.out_of_order()),
            ("arrived while the module was not loaded", self.arrived_while_off()),
            ("attempted while the module was not loaded", self.attempted_while_off()),
            ("stored while the module was not loaded", self.stored_while_off()),
            ("attempted while paused", self.attempted_while_paused()),
            ("stored while the source was paused", self.stored_while_paused()),
            ("refused although loaded and not paused", self.refused_while_steady()),
            ("polled while not loaded, or twice at once", self.wrong_polls()),
            ("a reload made an unchanged source poll early or late", self.disturbed_polls()),
            ("an old prompt was delivered", self.old_prompts()),
        ]

    def repeats(self):
        arrivals = len(self._record.arrivals) + len(self._record.appended)
        return arrivals - len(self._by_delivery)

    # Nothing lost.

    def not_stored(self):
        for post in self._record.posts:
            if post.state == "accepted" and not post.event_ids:
                yield f"{post.module} {post.number}: no event id"
            for event_id in post.event_ids:
                event = self._record.events.get(event_id)
                if event is None or (event.module, event.number) != (post.module, post.number):
                    yield f"{post.module} {post.number}: {event_id} is {event}"

    def wrong_routes(self):
        found = self._record.routes_by_event()
        extra_on = self._extra(True)
        extra_off = self._extra(False)
        for event in self._record.events.values():
            routes = found[event.id]
            wanted = Counter(_routes(event))
            if event.source == "hook" and event.module in extra_on:
                if extra_on[event.module].around(event.at, ROUNDING):
                    wanted[EXTRA_ROUTE] = 1
                elif extra_off[event.module].around(event.at, ROUNDING) is None:
                    # While a reload was under way either is right.
                    wanted[EXTRA_ROUTE] = min(routes[EXTRA_ROUTE], 1)
            if +wanted != +routes:
                yield f"{_name(event)} went to {dict(routes)}, not {dict(+wanted)}"

    def never_answered(self):
        for delivery in self._record.deliveries.values():
            answers = [arrival.answer for arrival in self._by_delivery.get(delivery.id, [])]
            if delivery.state == "delivered" and not any(answer in CLEAN for answer in answers):
                event = self._record.events.get(delivery.event_id)
                yield f"{delivery.module} {delivery.route} {delivery.id} {event}: {answers}"

    def wrong_numbers(self):
        stored = Counter(
            (event.module, event.number) for event in self._record.events.values()
            if event.source == "counter")
        for module, checkpoint in self._record.checkpoints.items():
            newest = max([number for name, number in stored if name == module], default=0)
            for number in range(1, max(checkpoint, newest) + 1):
                wanted = 1 if number <= checkpoint else 0
                if stored[module, number] != wanted:
                    yield f"{module} {number} is stored {stored[module, number]} times"

    def wrong_ticks(self):
        """Between two ticks there is a second, or the later one says that it stands for more."""
        ticks = defaultdict(list)
        for event in self._record.events.values():
            if event.source == "tick":
                ticks[event.module].append(event)
        for module, events in ticks.items():
            events.sort(key=lambda event: event.sequence)
            for earlier, later in zip(events, events[1:]):
                gap = later.scheduled_at - earlier.scheduled_at
                if gap < TICK_SECONDS - ROUNDING:
                    yield f"{module}: ticks {gap:.3f} s apart"
                elif gap > TICK_SECONDS + ROUNDING and later.missed == 0:
                    yield f"{module}: {gap:.3f} s without a tick at {later.scheduled_at}"

    def stored_twice(self):
        numbers = Counter(
            (event.module, event.number) for event in self._record.events.values()
            if event.source == "hook" and event.number is not None)
        for (module, number), count in numbers.items():
            if count > 1:
                yield f"{module} {number}: {count} events"

    def unsettled(self):
        for delivery in self._record.deliveries.values():
            if delivery.state in UNSETTLED:
                yield (f"{delivery.module} {delivery.route} {delivery.id}: {delivery.state},"
                       f" {delivery.attempts} attempts")

    def without_reason(self):
        for delivery in self._record.deliveries.values():
            if delivery.state not in (*UNSETTLED, "delivered") and not delivery.reason:
                yield f"{delivery.module} {delivery.route} {delivery.id}: {delivery.state}"

    # Nothing astray, nothing twice, nothing out of order.

    def astray(self):
        for arrival in self._record.arrivals:
            delivery = self._record.deliveries.get(arrival.webhook_id)
            if delivery is None:
                yield f"{arrival.module} {arrival.actor}: {arrival.webhook_id} is no delivery"
            elif {arrival.module, arrival.event_module} != {delivery.module} or (
                    arrival.actor, arrival.event_id) != (delivery.actor, delivery.event_id):
                yield f"{arrival} is of {delivery}"
        for line in self._record.appended:
            delivery = self._record.deliveries.get(line.webhook_id)
            if delivery is None or delivery.module != line.module:
                yield f"{line.module} file: {line.webhook_id} is of {delivery}"
            elif line.digest != digest(feed_payload(line.number)):
                yield f"{line.module} file: the payload of {line.number} was changed"

    def repeated_without_cause(self):
        # A bad answer is the cause of one more arrival. Each good answer but one needs an attempt
        # that was in flight at a kill or when an unload had waited long enough, or whose answer came
        # too late, as on a machine with too much to do.
        late = Counter(delivery.id for attempt, delivery in self._attempts()
                       if attempt.outcome == "timeout")
        for delivery_id, arrivals in self._by_delivery.items():
            good = sum(arrival.answer in CLEAN for arrival in arrivals)
            interrupted = self._record.interrupted[delivery_id]
            if good > 1 + interrupted + late[delivery_id]:
                yield (f"{arrivals[0].module} {delivery_id}: {good} good answers,"
                       f" {interrupted} interrupted attempts, {late[delivery_id]} late answers")

    def interrupted_alive(self):
        for attempt, delivery in self._attempts():
            workload = self._record.workloads.get(delivery.module)
            causes = [*self._record.downtimes, *(workload.cuts if workload else ())]
            if attempt.outcome == "interrupted" and not any(
                    begin - ATTEMPT_SECONDS <= attempt.started_at <= end
                    for begin, end in causes):
                yield (f"{delivery.module} {delivery.route}: {delivery.id} attempt"
                       f" {attempt.number} at {attempt.started_at:.3f}")

    def out_of_order(self):
        """Per key, everything of one event arrives before anything of the next."""
        spans = defaultdict(dict)
        for arrival in self._record.arrivals:
            if arrival.source != "hook" or arrival.actor != "main" or arrival.key is None:
                continue
            event = self._record.events.get(arrival.event_id)
            if event is not None:
                of_key = spans[arrival.module, arrival.key]
                first, _ = of_key.get(event.sequence, (arrival.index, None))
                of_key[event.sequence] = (first, arrival.index)
        for (module, key), events in spans.items():
            accepted = sorted(events)
            for earlier, later in zip(accepted, accepted[1:]):
                if events[earlier][1] > events[later][0]:
                    yield (f"{module} {key}: event {later} arrived before {earlier} was done")

    # Nothing at the wrong time.

    def arrived_while_off(self):
        for arrival in self._record.arrivals:
            span = self._off_span(arrival.module, arrival.at, ARRIVAL_DELAY)
            if span:
                yield f"{arrival.module}: {arrival.webhook_id} {_within(arrival.at, span)}"

    def attempted_while_off(self):
        for attempt, delivery in self._attempts():
            span = self._off_span(delivery.module, attempt.started_at, ROUNDING)
            if span:
                yield (f"{delivery.module} {delivery.route}: {delivery.id} attempt"
                       f" {attempt.number} {_within(attempt.started_at, span)}")

    def stored_while_off(self):
        for event in self._record.events.values():
            span = self._off_span(event.module, event.at, ROUNDING)
            if span:
                yield f"{_name(event)} {_within(event.at, span)}"

    def attempted_while_paused(self):
        paused = self._spans_of_pauses()
        for attempt, delivery in self._attempts():
            targets = (f"route/{delivery.route}", f"actor/{delivery.actor}",
                       f"module/{delivery.module}")
            for target in targets:
                span = _around(paused, (delivery.module, target), attempt.started_at, ROUNDING)
                if span:
                    yield (f"{delivery.module} {target}: {delivery.id} attempt {attempt.number}"
                           f" {_within(attempt.started_at, span)}")

    def stored_while_paused(self):
        paused = self._spans_of_pauses()
        for event in self._record.events.values():
            if event.source == "orgloop":
                # The runtime's own, such as `module.reloaded`: nobody pauses those.
                continue
            margin = POLL_SECONDS if event.source == "counter" else ROUNDING
            for target in (f"source/{event.source}", f"module/{event.module}"):
                span = _around(paused, (event.module, target), event.at, margin)
                if span:
                    yield f"{target}: {_name(event)} {_within(event.at, span)}"

    def refused_while_steady(self):
        for name, workload in self._record.workloads.items():
            steady = Spans(workload.activity, STEADY)
            free = [Spans(workload.pauses[target], FREE)
                    for target in ("source/hook", f"module/{name}")]
            for post in self._record.posts:
                if post.module == name and self._is_refused_in(post, [steady, *free]):
                    yield f"{name} {post.number}: {post.status} at {post.begin:.3f}"
        for post in self._record.posts:
            if post.module == "default" and self._is_refused_in(post, []):
                yield f"default {post.number}: {post.status} at {post.begin:.3f}"

    def _is_refused_in(self, post, spans):
        if post.status is None or 200 <= post.status < 300:
            return False
        return not self._is_down(post.begin, post.end) and all(
            span.covers(post.begin, post.end) for span in spans)

    def wrong_polls(self):
        for name, polls in self._record.polls.items():
            for poll in polls:
                span = self._off_span(name, poll.at, ARRIVAL_DELAY)
                if span:
                    yield f"{name}: a poll {_within(poll.at, span)}"
                if not poll.is_alone:
                    yield f"{name}: two polls at once at {poll.at:.3f}"

    def disturbed_polls(self):
        for name, workload in self._record.workloads.items():
            times = [poll.at for poll in self._record.polls[name]]
            busy = Spans(workload.activity, BUSY)
            free = [Spans(workload.pauses[target], FREE)
                    for target in ("source/counter", f"module/{name}")]
            for reload in workload.reloads:
                before = max((at for at in times if at < reload.begin), default=None)
                after = min((at for at in times if at >= reload.begin), default=None)
                if not reload.keeps_counter or before is None or after is None:
                    continue
                changes = [span for span in busy if span[0] < after and before < span[1]]
                # A start polls at once, and a second change may have a reason to.
                if len(changes) != 1 or self._is_down(before, after) or not all(
                        span.covers(before, after) for span in free):
                    continue
                gap, interval = after - before, reload.interval
                # A poll that a busy machine holds up brings the next one nearer. One that a reload
                # brings about comes at any point of the interval, and there are hundreds of reloads.
                if not 0.4 * interval <= gap <= 2 * interval + 1.5:
                    yield f"{name}: {gap:.2f} s between polls, every {interval} s"

    def old_prompts(self):
        for arrival in self._record.arrivals:
            workload = self._record.workloads.get(arrival.module)
            if workload is None or arrival.source != "hook" or arrival.actor != "main":
                continue
            written = [number for at, number in workload.prompts
                       if at < arrival.at - ATTEMPT_SECONDS] or [0]
            if int((arrival.prompt or "prompt -1").split()[-1]) < written[-1]:
                yield (f"{arrival.module}: {arrival.webhook_id} with {arrival.prompt!r},"
                       f" not {written[-1]}")

    # What the checks have in common.

    def _attempts(self):
        for attempt in self._record.attempts:
            delivery = self._record.deliveries.get(attempt.delivery_id)
            if delivery is not None:
                yield attempt, delivery

    def _is_down(self, begin, end):
        """Whether the runtime was down, or was just being looked at, for a part of the time."""
        return any(first < end and begin < last for first, last in self._record.downtimes)

    def _off_span(self, module, at, margin):
        return _around(self._off, module, at, margin)

    def _extra(self, value):
        return {
            name: Spans(workload.extra, value) for name, workload in self._record.workloads.items()
        }

    def _spans_of_pauses(self):
        return {
            (name, target): Spans(track, PAUSED)
            for name, workload in self._record.workloads.items()
            for target, track in workload.pauses.items()
        }


def _around(spans, key, at, margin):
    return spans[key].around(at, margin) if key in spans else None


def _routes(event):
    """Which routes an event must match, without the one that comes and goes."""
    if event.source == "hook":
        return [HOOK_ROUTE]
    if event.source == "counter":
        return [COUNT_ROUTE] + [FILE_ROUTE] * (event.number % 2 == 0)
    return [TICK_ROUTE] if event.source == "tick" else []


def _name(event):
    return f"{event.module} {event.source} {event.number or event.sequence}"


def _within(at, span):
    return f"{at - span[0]:.3f} s into a span of {span[1] - span[0]:.1f} s ({at:.3f})"
