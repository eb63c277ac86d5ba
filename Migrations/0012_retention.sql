-- What retention goes by, and the keys of deliveries that dedup transforms have let through and
-- that are not settled.

-- How long the module's events and its dead letters are kept; unset means the usual time.
ALTER TABLE modules ADD COLUMN event_retention_ms INTEGER;
ALTER TABLE modules ADD COLUMN dead_letter_retention_ms INTEGER;

-- Events of the module up to this number have been looked at: they are gone, or in `kept_events`.
-- Retention goes on from here, so that no pass begins at the oldest event again.
ALTER TABLE modules ADD COLUMN pruned_through INTEGER NOT NULL DEFAULT 0;

-- Events that were old enough to go and could not: something of them is unsettled, or dead.
CREATE TABLE kept_events (
  sequence INTEGER PRIMARY KEY,
  look_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX kept_events_time ON kept_events (look_at_ms);

-- Only deliveries through a dedup transform write here.
CREATE INDEX delivered_keys_expiry ON delivered_keys (expires_at_ms);

-- Keys of the dedup transform whose delivery waits for its next attempt. While the delivery is
-- unsettled, others with the key wait behind it; a row that outlives it means nothing.
CREATE TABLE held_keys (
  route INTEGER NOT NULL,
  transform TEXT NOT NULL,
  hash BLOB NOT NULL,
  delivery INTEGER NOT NULL,
  PRIMARY KEY (route, transform, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX held_keys_delivery ON held_keys (delivery);
