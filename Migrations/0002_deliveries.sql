-- Deliveries: `queue` is what is not settled, everything else is history and only appended to.
-- Measured (design.md 4): 83,000 whole lives a second so, 46,000 to 61,000 with one table and a
-- state column.

CREATE TABLE routes (
  key INTEGER PRIMARY KEY,
  module INTEGER NOT NULL REFERENCES modules (key),
  name TEXT NOT NULL,
  actor TEXT NOT NULL,
  UNIQUE (module, name)
) STRICT;

-- A lane is the queue of an actor, or of a route with a queue of its own.
CREATE TABLE lanes (
  key INTEGER PRIMARY KEY,
  module INTEGER NOT NULL REFERENCES modules (key),
  kind TEXT NOT NULL CHECK (kind IN ('actor', 'route')),
  name TEXT NOT NULL,
  -- Circuit breaker, rate and pause survive a restart.
  consecutive_failures INTEGER NOT NULL DEFAULT 0,
  circuit_open_until_ms INTEGER,
  rate_state TEXT,
  disabled_since_ms INTEGER,
  paused_since_ms INTEGER,
  paused_by TEXT,
  paused_reason TEXT,
  paused_until_ms INTEGER,
  UNIQUE (module, kind, name)
) STRICT;

-- The texts of route conditions, stored once; decision records name them by number.
CREATE TABLE conditions (
  key INTEGER PRIMARY KEY,
  route INTEGER NOT NULL REFERENCES routes (key),
  path TEXT NOT NULL,
  expected TEXT NOT NULL,
  UNIQUE (route, path, expected)
) STRICT;

CREATE TABLE queue (
  lane INTEGER NOT NULL,
  delivery INTEGER NOT NULL,
  route INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  -- 0 pending, 2 waiting until due_at_ms, 3 parked. Running is a row in `running`.
  state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 2, 3)),
  -- Attempts made, and how many of them were before the last requeue.
  attempts INTEGER NOT NULL DEFAULT 0,
  attempts_before INTEGER NOT NULL DEFAULT 0,
  due_at_ms INTEGER,
  order_key TEXT,
  wait_reason TEXT,
  -- Only for a delivery that was made later than its event: a replay.
  created_at_ms INTEGER,
  replay TEXT,
  PRIMARY KEY (lane, delivery),
  CHECK ((state = 2) = (due_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Partial, so that a delivery that succeeds at once touches neither.
CREATE INDEX queue_due ON queue (lane, due_at_ms) WHERE state = 2;

CREATE INDEX queue_order ON queue (lane, order_key, delivery) WHERE order_key IS NOT NULL;

-- Attempts in flight: written before the actor is called, so that one that kills the process
-- counts. At most lanes * concurrency rows, so a restart finds them at once.
CREATE TABLE running (
  delivery INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  number INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  generation INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
  delivery INTEGER NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 1),
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (
    outcome IN ('delivered', 'rejected', 'error', 'timeout', 'skipped', 'interrupted', 'dropped')
  ),
  status_code INTEGER,
  error TEXT,
  retry_after_ms INTEGER,
  response_excerpt TEXT,
  output TEXT,
  prompt_hash TEXT,
  generation INTEGER NOT NULL,
  transforms TEXT,
  PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE settled (
  delivery INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  route INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('delivered', 'dropped', 'skipped', 'dead')),
  reason TEXT,
  attempts INTEGER NOT NULL,
  settled_at_ms INTEGER NOT NULL,
  order_key TEXT,
  created_at_ms INTEGER,
  replay TEXT,
  -- A delivery that was dropped or died says why; one that was delivered needs no reason.
  CHECK (state = 'delivered' OR reason IS NOT NULL)
) STRICT;

CREATE INDEX settled_failed ON settled (state, delivery) WHERE state <> 'delivered';

-- The event as it left the transforms, where they changed it.
CREATE TABLE transformed (
  delivery INTEGER PRIMARY KEY,
  event TEXT NOT NULL
) STRICT;

-- Keys of the dedup transform, per route and transform (connectors.md 4.2).
CREATE TABLE delivered_keys (
  route INTEGER NOT NULL,
  transform TEXT NOT NULL,
  hash BLOB NOT NULL,
  delivery INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (route, transform, hash)
) STRICT, WITHOUT ROWID;
