-- The log of events, and the names that rows refer to by number.
-- Times are milliseconds since 1970, UTC. Numbers of names never change and are never used twice.

CREATE TABLE meta (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the ids of this file are made with, beside time and number (docs/database.md, Ids).
CREATE TABLE node (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The version digit and the upper 12 of 18 random bits, as they stand in an id.
  middle TEXT NOT NULL,
  -- The variant bit and the lower 6 random bits, to be combined with a number.
  base INTEGER NOT NULL
) STRICT;

-- The registry: which modules there are, which should run, which do (config.md 10.5).
CREATE TABLE modules (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  alias TEXT,
  path TEXT,
  desired TEXT NOT NULL DEFAULT 'active' CHECK (desired IN ('active', 'removed')),
  state TEXT NOT NULL CHECK (state IN ('loading', 'active', 'unloading', 'removed')),
  generation INTEGER,
  loaded_by TEXT,
  from_boot INTEGER NOT NULL DEFAULT 1,
  params TEXT,
  changed_at_ms INTEGER NOT NULL
) STRICT;

-- Content-addressed configuration: the same documents are stored once, whoever applied them.
CREATE TABLE documents (
  hash TEXT NOT NULL PRIMARY KEY,
  content TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE generations (
  generation INTEGER PRIMARY KEY,
  module INTEGER NOT NULL REFERENCES modules (key),
  content_hash TEXT NOT NULL REFERENCES documents (hash),
  applied_at_ms INTEGER NOT NULL,
  applied_by TEXT NOT NULL
) STRICT;

CREATE TABLE sources (
  key INTEGER PRIMARY KEY,
  module INTEGER NOT NULL REFERENCES modules (key),
  id TEXT NOT NULL,
  connector TEXT NOT NULL,
  checkpoint TEXT,
  -- What the health of connectors.md 1.2 needs beyond the columns below, as JSON.
  health TEXT,
  status TEXT NOT NULL DEFAULT 'healthy' CHECK (status IN ('healthy', 'degraded', 'unhealthy')),
  last_success_ms INTEGER,
  last_attempt_ms INTEGER,
  last_error TEXT,
  consecutive_errors INTEGER NOT NULL DEFAULT 0,
  circuit_open INTEGER NOT NULL DEFAULT 0,
  event_count INTEGER NOT NULL DEFAULT 0,
  last_event_ms INTEGER,
  paused_since_ms INTEGER,
  paused_by TEXT,
  paused_reason TEXT,
  paused_until_ms INTEGER,
  UNIQUE (module, id)
) STRICT;

-- When a source was known to be listening, or had caught up: what lies between two rows was not
-- covered.
CREATE TABLE coverage (
  source INTEGER NOT NULL REFERENCES sources (key),
  from_ms INTEGER NOT NULL,
  to_ms INTEGER NOT NULL CHECK (to_ms >= from_ms),
  PRIMARY KEY (source, from_ms)
) STRICT, WITHOUT ROWID;

-- One row per accepted event. The number is the order of acceptance and the identity inside the
-- file; the id that users see is made from it and the time (Store/Identity.swift), so that no
-- index on ids is needed. Measured: a unique index on ids costs 13 % of the accept.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  accepted_at_ms INTEGER NOT NULL,
  source INTEGER NOT NULL,
  type INTEGER NOT NULL CHECK (type BETWEEN 0 AND 2),
  generation INTEGER NOT NULL,
  -- Deliveries of this event ever made; their numbers are sequence * 65536 + 0, 1, ….
  deliveries INTEGER NOT NULL,
  provenance TEXT NOT NULL,
  payload TEXT NOT NULL,
  extra TEXT,
  -- Only for events that came with an id or joined a trace; otherwise both follow from the number.
  external_id TEXT,
  trace TEXT,
  dedup_key TEXT,
  -- The delivery whose actor answered with this event.
  cause INTEGER,
  -- [[condition, "actual"], …]: routes of the same source that did not match.
  non_matches TEXT,
  non_matches_more INTEGER,
  duplicates INTEGER NOT NULL DEFAULT 0,
  last_duplicate_ms INTEGER
) STRICT;

CREATE INDEX events_trace ON events (trace) WHERE trace IS NOT NULL;

CREATE INDEX events_cause ON events (cause) WHERE cause IS NOT NULL;

CREATE TABLE external_ids (
  id TEXT NOT NULL PRIMARY KEY,
  sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Source dedup (events.md 3.1): narrow, because every keyed event writes here.
CREATE TABLE dedup_keys (
  source INTEGER NOT NULL,
  key TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;
