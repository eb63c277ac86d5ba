-- The public face of the file for `sqlite3` (reference/cli-http.md 4): words and ISO times.
-- Columns are only added. Each is explained in docs/database.md.

CREATE VIEW v_events AS
SELECT
  e.id,
  e.timestamp,
  e.module,
  e.source,
  e.type,
  json_extract(e.provenance, '$.platform_event') AS platform_event,
  e.trace_id,
  CASE
    WHEN e.deliveries = 0 THEN 'unrouted'
    WHEN (
      SELECT count(*) FROM settled AS d
      WHERE d.delivery BETWEEN e.sequence << 16 AND e.sequence << 16 | 65535
    ) < e.deliveries THEN 'accepted'
    ELSE 'settled'
  END AS state,
  e.dedup_key,
  e.duplicates,
  e.generation,
  '{"id":' || json_quote(e.id)
    || ',"timestamp":"' || e.timestamp
    || '","source":' || json_quote(e.source)
    || ',"type":"' || e.type
    || '","provenance":' || e.provenance
    || ',"payload":' || e.payload
    || ',"trace_id":' || json_quote(e.trace_id)
    || ',"module":' || json_quote(e.module)
    || coalesce(',' || substr(e.extra, 2), '}') AS event,
  e.sequence
FROM
  (
    SELECT
      e.sequence, e.deliveries, e.provenance, e.payload, e.extra, e.dedup_key, e.duplicates,
      e.generation,
      coalesce(
        e.external_id,
        printf('evt_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
      ) AS id,
      coalesce(
        e.trace,
        printf('trc_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
      ) AS trace_id,
      strftime('%Y-%m-%dT%H:%M:%fZ', e.accepted_at_ms / 1000.0, 'unixepoch') AS timestamp,
      CASE e.type
        WHEN 0 THEN 'resource.changed' WHEN 1 THEN 'actor.stopped' ELSE 'message.received'
      END AS type,
      s.id AS source,
      m.name AS module
    FROM
      events AS e
      JOIN sources AS s ON s.key = e.source
      JOIN modules AS m ON m.key = s.module
      JOIN node AS n ON n.id = 1
  ) AS e;

CREATE VIEW v_non_matches AS
SELECT
  coalesce(
    e.external_id,
    printf('evt_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
  ) AS event_id,
  r.name AS route,
  c.path,
  c.expected,
  json_extract(d.value, '$[1]') AS actual,
  e.sequence
FROM
  events AS e
  JOIN node AS n ON n.id = 1,
  json_each(e.non_matches) AS d
  JOIN conditions AS c ON c.key = json_extract(d.value, '$[0]')
  JOIN routes AS r ON r.key = c.route
WHERE e.non_matches IS NOT NULL;
