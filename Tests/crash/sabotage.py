"""Damage that the crash test must notice: each shows that one of its checks can fail.

Done with the runtime down, to rows of webhooks only, and always well-formed, so that the runtime
starts and works on as if nothing had happened.
"""

import contextlib
import sqlite3

_HOOK_EVENT = """
SELECT e.sequence FROM events AS e JOIN sources AS s ON s.key = e.source
WHERE s.id = 'hook' AND e.deliveries = 1 AND e.sequence << 16 IN (SELECT delivery FROM {table})
ORDER BY e.sequence
"""


def sabotage(kind, database, chooser):
    """Does it, and says what was done."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        return SABOTAGES[kind](connection, chooser)


def _random_delivery(connection, chooser, table):
    rows = connection.execute(_HOOK_EVENT.format(table=table)).fetchall()
    if not rows:
        raise LookupError(f"no webhook in {table} to sabotage; take another seed")
    return chooser.choice(rows)[0] << 16


def _delete_settled(connection, chooser):
    delivery = _random_delivery(connection, chooser, "settled")
    connection.execute("DELETE FROM settled WHERE delivery = ?", (delivery,))
    return f"deleted settled delivery {delivery}"


def _delete_queued(connection, chooser):
    delivery = _random_delivery(connection, chooser, "queue")
    connection.execute("DELETE FROM queue WHERE delivery = ?", (delivery,))
    connection.execute("DELETE FROM running WHERE delivery = ?", (delivery,))
    return f"deleted queued delivery {delivery}"


def _delete_event(connection, chooser):
    """Without a trace in any table, so that only what the senders know can tell."""
    delivery = _random_delivery(connection, chooser, "queue")
    for table in ("queue", "running", "attempts", "transformed"):
        connection.execute(f"DELETE FROM {table} WHERE delivery = ?", (delivery,))
    connection.execute("DELETE FROM dedup_keys WHERE sequence = ?", (delivery >> 16,))
    connection.execute("DELETE FROM events WHERE sequence = ?", (delivery >> 16,))
    return f"deleted event {delivery >> 16} with all of its rows"


def _queue_again(connection, chooser):
    """What a settle that was not durable would leave."""
    delivery = _random_delivery(connection, chooser, "settled")
    connection.execute(
        "INSERT INTO queue (lane, delivery, route, generation, order_key) "
        "SELECT lane, delivery, route, generation, order_key FROM settled WHERE delivery = ?",
        (delivery,))
    connection.execute("DELETE FROM settled WHERE delivery = ?", (delivery,))
    connection.execute("DELETE FROM attempts WHERE delivery = ?", (delivery,))
    return f"queued settled delivery {delivery} again"


def _advance_checkpoint(connection, chooser):
    connection.execute("UPDATE sources SET checkpoint = checkpoint + 3 WHERE id = 'counter'")
    return "moved the checkpoint of the exec source 3 events ahead"


def _alter_payload(connection, chooser):
    delivery = _random_delivery(connection, chooser, "queue")
    connection.execute(
        "UPDATE events SET payload = json_set(payload, '$.text', 'altered') WHERE sequence = ?",
        (delivery >> 16,))
    return f"altered the payload of event {delivery >> 16}"


SABOTAGES = {
    "settled": _delete_settled,
    "queued": _delete_queued,
    "event": _delete_event,
    "again": _queue_again,
    "checkpoint": _advance_checkpoint,
    "payload": _alter_payload,
}
