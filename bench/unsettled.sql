-- Events with one pending delivery each, as if a runtime had accepted them and been killed. Run on
-- a file that a runtime with one source, one route and one lane has registered itself in.
PRAGMA synchronous = OFF;

BEGIN;

INSERT INTO events
  (sequence, accepted_at_ms, source, type, generation, deliveries, provenance, payload)
WITH RECURSIVE
  numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :deliveries)
SELECT
  (SELECT coalesce(max(sequence), 0) FROM events) + n,
  1700000000000 + n,
  (SELECT key FROM sources WHERE id = 'in'),
  0,
  (SELECT max(generation) FROM generations),
  1,
  '{"platform":"webhook","platform_event":"bench"}',
  '{"action":"opened","number":' || n || ',"text":"' || substr(hex(zeroblob(500)), 1, 960) || '"}'
FROM numbers;

INSERT INTO queue (lane, delivery, route, generation)
SELECT
  (SELECT key FROM lanes WHERE name = 'slow'),
  sequence << 16,
  (SELECT key FROM routes WHERE name = 'all'),
  generation
FROM events;

COMMIT;
