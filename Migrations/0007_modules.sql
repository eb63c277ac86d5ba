-- Modules that come and go while the runtime runs, and what operators pause.

-- The lane that the route's deliveries are in. Until all of them have moved to another one it is
-- the old one, so that a move that was cut off is made again.
ALTER TABLE routes ADD COLUMN lane INTEGER;

-- The lane of the route's actor, also where the route has a queue of its own.
ALTER TABLE routes ADD COLUMN actor_lane INTEGER;

-- Set while the configuration does not have the route. Its deliveries stay as they are in the
-- queue and nobody takes them: parking 1,000,000 deliveries costs one row.
ALTER TABLE routes ADD COLUMN removed_at_ms INTEGER;

-- For a module loaded by hand: the manifest that named it, where there was one. Its parameters are
-- read there again.
ALTER TABLE modules ADD COLUMN project TEXT;

-- What an operator has paused; kept over restarts.
CREATE TABLE paused (
  kind TEXT NOT NULL CHECK (kind IN ('source', 'route', 'actor', 'module')),
  module INTEGER NOT NULL REFERENCES modules (key),
  name TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  by TEXT NOT NULL,
  reason TEXT,
  until_ms INTEGER,
  PRIMARY KEY (kind, module, name)
) STRICT, WITHOUT ROWID;

-- That table takes their place: a route and a module can be paused too.
ALTER TABLE sources DROP COLUMN paused_since_ms;
ALTER TABLE sources DROP COLUMN paused_by;
ALTER TABLE sources DROP COLUMN paused_reason;
ALTER TABLE sources DROP COLUMN paused_until_ms;
ALTER TABLE lanes DROP COLUMN paused_since_ms;
ALTER TABLE lanes DROP COLUMN paused_by;
ALTER TABLE lanes DROP COLUMN paused_reason;
ALTER TABLE lanes DROP COLUMN paused_until_ms;

UPDATE queue SET state = 0, wait_reason = NULL
WHERE state = 3 AND wait_reason IN ('route_removed', 'module_unloaded');
