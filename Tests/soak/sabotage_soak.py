"""Falsified records: each shows that one of the checks can fail.

The record is changed and not the run, because what is to be shown is that the judgement looks.
"""

import copy

from judgement import ARRIVAL_DELAY
from receiver import CLEAN
from tracks import OFF, PAUSED, Spans


def _lose_arrival(record, measured):
    """As if a delivery that the file calls delivered had never come."""
    victim = next(arrival for arrival in record.arrivals if arrival.number is not None)
    record.arrivals = [
        arrival for arrival in record.arrivals if arrival.webhook_id != victim.webhook_id
    ]
    return f"lost {victim.module} {victim.source} {victim.number}"


def _lose_event(record, measured):
    """As if an accepted webhook had left no trace in the file."""
    post = next(post for post in record.posts if post.event_ids)
    for event_id in post.event_ids:
        del record.events[event_id]
    return f"took webhook {post.module} {post.number} out of the file"


def _lose_number(record, measured):
    event = next(event for event in record.events.values() if event.source == "counter")
    del record.events[event.id]
    return f"took number {event.number} of {event.module} out of the file"


def _deliver_unloaded(record, measured):
    """As if something had arrived of a module that was not loaded."""
    for number, arrival in enumerate(record.arrivals):
        workload = record.workloads.get(arrival.module)
        for begin, end in Spans(workload.activity, OFF) if workload else ():
            if end - begin > 2 * ARRIVAL_DELAY + 0.1 and begin > workload.prompts[0][0] + 1:
                record.arrivals[number] = arrival._replace(at=begin + ARRIVAL_DELAY + 0.1)
                return f"moved an arrival of {arrival.module} to when it was not loaded"
    raise LookupError("no module was unloaded long enough; take another seed or more minutes")


def _attempt_paused(record, measured):
    for number, attempt in enumerate(record.attempts):
        delivery = record.deliveries[attempt.delivery_id]
        workload = record.workloads.get(delivery.module)
        track = workload and workload.pauses.get(f"actor/{delivery.actor}")
        for begin, end in Spans(track, PAUSED) if track else ():
            if end - begin > 0.1:
                record.attempts[number] = attempt._replace(started_at=begin + 0.05)
                return f"moved an attempt of {delivery.module} into a pause of {delivery.actor}"
    raise LookupError("no actor was paused; take another seed or more minutes")


def _swap_order(record, measured):
    """As if two webhooks of one key had overtaken each other."""
    latest = {}
    for number, arrival in enumerate(record.arrivals):
        if arrival.source != "hook" or arrival.actor != "main" or arrival.key is None:
            continue
        other = latest.get((arrival.module, arrival.key))
        if other is not None and record.arrivals[other].event_id != arrival.event_id:
            first = record.arrivals[other]
            record.arrivals[other] = arrival._replace(index=first.index)
            record.arrivals[number] = first._replace(index=arrival.index)
            return f"swapped two arrivals of {arrival.module} {arrival.key}"
        latest[arrival.module, arrival.key] = number
    raise LookupError("no key had two arrivals")


def _repeat(record, measured):
    clean = next(arrival for arrival in record.arrivals
                 if arrival.answer in CLEAN and not record.interrupted[arrival.webhook_id])
    record.arrivals.append(clean._replace(index=len(record.arrivals)))
    return f"repeated an arrival of {clean.module}"


def _cross(record, measured):
    """As if a webhook of one module had been delivered to another module's actor."""
    for number, arrival in enumerate(record.arrivals):
        if arrival.module in record.workloads:
            other = next(name for name in record.workloads if name != arrival.module)
            record.arrivals[number] = arrival._replace(module=other)
            return f"moved an arrival of {arrival.module} to {other}"
    raise LookupError("nothing arrived")


def _leak(record, measured):
    measured.end = copy.copy(measured.end)
    measured.end.descriptors += 20
    return "added 20 descriptors to the last count"


def _grow(record, measured):
    measured.ratio *= 1.5
    return "made the memory at the end half as large again"


SABOTAGES = {
    "arrival": _lose_arrival, "event": _lose_event, "number": _lose_number,
    "unloaded": _deliver_unloaded, "paused": _attempt_paused, "order": _swap_order,
    "again": _repeat, "cross": _cross, "descriptors": _leak, "memory": _grow,
}
