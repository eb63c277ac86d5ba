-- What stops work that feeds itself (docs/loops.md), and what batching and audit need beyond the
-- tables that there were.

-- Traces that went round too often: their deliveries are dropped until then. One row for a module,
-- or for all (module 0).
CREATE TABLE loops (
  trace TEXT NOT NULL,
  module INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (trace, module)
) STRICT, WITHOUT ROWID;

CREATE INDEX loops_until ON loops (until_ms);

-- How many deliveries were made for an actor (by its lane) in each stretch of time; only for actors
-- with a budget, and only as long as it counts.
CREATE TABLE starts (
  lane INTEGER NOT NULL,
  slot_ms INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (lane, slot_ms)
) STRICT, WITHOUT ROWID;

-- When the event that tells of a used-up budget was made, so that there is one in each period.
ALTER TABLE lanes ADD COLUMN budget_told_ms INTEGER;

-- What a batch key goes by: the route that stored its newest entry, how much a drain gives, and the
-- delivery that told the actor last, until its entries are collected.
CREATE TABLE inbox_keys (
  module INTEGER NOT NULL,
  session_key TEXT NOT NULL,
  route INTEGER NOT NULL,
  batch_max INTEGER NOT NULL,
  notification INTEGER,
  PRIMARY KEY (module, session_key)
) STRICT, WITHOUT ROWID;

-- Of the route that stored the entry, so that a batch that is put back keeps it.
ALTER TABLE inbox ADD COLUMN batch_max INTEGER NOT NULL DEFAULT 100;

CREATE UNIQUE INDEX inbox_delivery ON inbox (delivery);

CREATE INDEX inbox_expiring ON inbox (expires_at_ms) WHERE state = 'pending';

CREATE INDEX inbox_batch ON inbox (batch) WHERE batch IS NOT NULL;

CREATE VIEW v_inbox AS
SELECT
  m.name AS module,
  i.session_key,
  coalesce(
    e.external_id,
    printf('evt_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
  ) AS event_id,
  i.state,
  i.batch,
  strftime('%Y-%m-%dT%H:%M:%fZ', i.stored_at_ms / 1000.0, 'unixepoch') AS stored_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', i.expires_at_ms / 1000.0, 'unixepoch') AS expires_at,
  i.delivery
FROM inbox AS i
  JOIN modules AS m ON m.key = i.module
  JOIN events AS e ON e.sequence = i.delivery >> 16
  JOIN node AS n ON n.id = 1;

-- Deliveries that an operator has let go on in spite of what the audit found.
CREATE TABLE released (
  delivery INTEGER PRIMARY KEY,
  released_at_ms INTEGER NOT NULL,
  by TEXT NOT NULL
) STRICT;

CREATE VIEW v_audit AS
SELECT
  a.id,
  strftime('%Y-%m-%dT%H:%M:%fZ', a.timestamp_ms / 1000.0, 'unixepoch') AS timestamp,
  printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | a.delivery) AS delivery_id,
  json_extract(a.record, '$.delivery_status') AS delivery_status,
  json_extract(a.record, '$.held_for_review') AS held_for_review,
  json_array_length(a.record, '$.flags') AS flags,
  a.record,
  a.delivery
FROM audit AS a
  JOIN events AS e ON e.sequence = a.delivery >> 16
  JOIN node AS n ON n.id = 1;
