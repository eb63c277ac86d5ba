CREATE VIEW v_sources AS
SELECT
  m.name AS module,
  s.id AS source,
  s.connector,
  s.status,
  s.checkpoint,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.last_success_ms / 1000.0, 'unixepoch') AS last_success,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.last_attempt_ms / 1000.0, 'unixepoch') AS last_attempt,
  s.consecutive_errors,
  s.circuit_open,
  s.last_error,
  s.event_count,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.last_event_ms / 1000.0, 'unixepoch') AS last_event
FROM sources AS s JOIN modules AS m ON m.key = s.module;

CREATE VIEW v_modules AS
SELECT
  name, alias, state, desired, path, generation, loaded_by, from_boot,
  strftime('%Y-%m-%dT%H:%M:%fZ', changed_at_ms / 1000.0, 'unixepoch') AS changed_at
FROM modules;

CREATE VIEW v_generations AS
SELECT
  g.generation,
  m.name AS module,
  strftime('%Y-%m-%dT%H:%M:%fZ', g.applied_at_ms / 1000.0, 'unixepoch') AS applied_at,
  g.content_hash,
  g.applied_by AS "by"
FROM generations AS g JOIN modules AS m ON m.key = g.module;

CREATE VIEW v_runtime AS
SELECT
  pid, process_start, version, workspace, config_path, socket_path, http_address, state,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at_ms / 1000.0, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', heartbeat_ms / 1000.0, 'unixepoch') AS heartbeat
FROM runtime;

CREATE VIEW v_logs AS
SELECT
  strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS timestamp,
  phase, level, module, source, fields
FROM logs;
