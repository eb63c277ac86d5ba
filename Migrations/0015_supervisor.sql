-- Who starts the runtime again when it crashes (cli-http.md 2.2, --supervised): whoever stops the
-- runtime must reach that process too, also while there is no runtime.
ALTER TABLE runtime ADD COLUMN supervisor_pid INTEGER;
ALTER TABLE runtime ADD COLUMN supervisor_start TEXT;

DROP VIEW v_runtime;

CREATE VIEW v_runtime AS
SELECT
  pid, process_start, supervisor_pid, version, workspace, config_path, socket_path, http_address,
  state,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at_ms / 1000.0, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', heartbeat_ms / 1000.0, 'unixepoch') AS heartbeat
FROM runtime;
