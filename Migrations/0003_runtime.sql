-- What the runtime and its operators do, and what waits to be collected.

CREATE TABLE runtime (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  pid INTEGER NOT NULL,
  -- The kernel's start time of that process: a recycled pid is never mistaken for it.
  process_start TEXT NOT NULL,
  version TEXT NOT NULL,
  workspace TEXT NOT NULL,
  config_path TEXT,
  socket_path TEXT,
  http_address TEXT,
  state TEXT NOT NULL CHECK (state IN ('starting', 'ready', 'stopping', 'stopped')),
  started_at_ms INTEGER NOT NULL,
  heartbeat_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE inbox (
  entry INTEGER PRIMARY KEY,
  module INTEGER NOT NULL,
  session_key TEXT NOT NULL,
  delivery INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'drained', 'expired')),
  batch TEXT,
  stored_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX inbox_pending ON inbox (module, session_key, entry) WHERE state = 'pending';

-- Only entries that have no event, delivery or attempt row behind them: runtime, module,
-- operator, back-pressure. The journey of an event is read from its own rows.
CREATE TABLE logs (
  entry INTEGER PRIMARY KEY,
  timestamp_ms INTEGER NOT NULL,
  phase TEXT NOT NULL,
  level INTEGER NOT NULL,
  module TEXT,
  source TEXT,
  event INTEGER,
  delivery INTEGER,
  fields TEXT NOT NULL
) STRICT;

CREATE INDEX logs_time ON logs (timestamp_ms);

CREATE TABLE audit (
  delivery INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  record TEXT NOT NULL
) STRICT;
