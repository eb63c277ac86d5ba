-- Replays: new deliveries for stored events (cli-http.md 2.4). How far each has come is committed
-- with what it has made, so that one that was cut off goes on where it was and makes nothing twice.
CREATE TABLE replays (
  id TEXT NOT NULL PRIMARY KEY,
  -- What was asked for, as JSON.
  request TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  started_by TEXT NOT NULL,
  -- Events up to this number are done.
  reached INTEGER NOT NULL DEFAULT 0,
  -- The newest event when it began: later ones, and so what it causes itself, are no part of it.
  newest INTEGER NOT NULL,
  events INTEGER NOT NULL DEFAULT 0,
  deliveries INTEGER NOT NULL DEFAULT 0,
  done_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE VIEW v_replays AS
SELECT
  id,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at_ms / 1000.0, 'unixepoch') AS started_at,
  started_by AS "by",
  request,
  events,
  deliveries,
  strftime('%Y-%m-%dT%H:%M:%fZ', done_at_ms / 1000.0, 'unixepoch') AS done_at
FROM replays;
