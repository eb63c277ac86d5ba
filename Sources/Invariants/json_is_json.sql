-- What is stored as JSON is JSON.
--
-- A payload may be damaged, which an integrity check does not see. Compare it with a backup.
--
-- See design.md 5, rule 1: what was accepted can be delivered.
SELECT 'json_is_json' AS invariant, kind AS "table", name, number
FROM (
  SELECT 'events' AS kind, 'provenance' AS name, sequence AS number, provenance AS text
  FROM events
  UNION ALL SELECT 'events', 'payload', sequence, payload FROM events
  UNION ALL SELECT 'events', 'extra', sequence, extra FROM events WHERE extra IS NOT NULL
  UNION ALL
  SELECT 'events', 'non_matches', sequence, non_matches FROM events WHERE non_matches IS NOT NULL
  UNION ALL SELECT 'transformed', 'event', delivery, event FROM transformed
  UNION ALL
  SELECT 'attempts', 'transforms', delivery, transforms FROM attempts WHERE transforms IS NOT NULL
  UNION ALL SELECT 'documents', 'content', hash, content FROM documents
  UNION ALL SELECT 'sources', 'health', key, health FROM sources WHERE health IS NOT NULL
  UNION ALL SELECT 'modules', 'params', key, params FROM modules WHERE params IS NOT NULL
  UNION ALL SELECT 'logs', 'fields', entry, fields FROM logs
)
WHERE NOT json_valid(text);
