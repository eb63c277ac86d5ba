-- A million events with a past, as a runtime would have left them. Run on a file that a runtime with
-- the project of bench/why.py has registered itself in.
PRAGMA synchronous = OFF;

BEGIN;

CREATE TEMP TABLE names AS
SELECT
  (SELECT key FROM sources WHERE id = 'in') AS source,
  (SELECT key FROM routes WHERE name = 'all') AS route,
  (SELECT key FROM routes WHERE name = 'held') AS held,
  (SELECT lane FROM routes WHERE name = 'all') AS lane,
  (SELECT max(generation) FROM generations) AS generation,
  (SELECT count(*) FROM events) AS before;

-- The first eight tenths have ended; the ninth is one trace from outside, each event following from
-- the one before; the last waits on one order key.
INSERT INTO events
  (sequence, accepted_at_ms, source, type, generation, deliveries, provenance, payload, trace, cause)
WITH RECURSIVE
  numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :events)
SELECT
  before + n,
  1700000000000 + n,
  source,
  0,
  generation,
  1,
  '{"platform":"webhook","platform_event":"bench"}',
  '{"action":"opened","number":' || n || ',"text":"' || substr(hex(zeroblob(500)), 1, 960) || '"}',
  CASE WHEN n > :events / 10 * 8 AND n <= :events / 10 * 9 THEN 'trc_huge' END,
  CASE
    WHEN n > :events / 10 * 8 + 1 AND n <= :events / 10 * 9 THEN (before + n - 1) << 16
  END
FROM numbers, names;

INSERT INTO settled (delivery, lane, route, generation, state, reason, attempts, settled_at_ms)
SELECT
  sequence << 16, lane, route, names.generation, iif(sequence % 10 = 0, 'dead', 'delivered'),
  iif(sequence % 10 = 0, 'attempts', NULL), 3, accepted_at_ms + 900
FROM events, names
WHERE sequence > before AND sequence <= before + :events / 10 * 9;

INSERT INTO attempts
  (delivery, number, started_at_ms, ended_at_ms, outcome, status_code, error, generation)
WITH numbers(n) AS (VALUES (1), (2), (3))
SELECT
  s.delivery, n, s.settled_at_ms - 900 + 300 * (n - 1), s.settled_at_ms - 600 + 300 * (n - 1),
  iif(n = 3 AND s.state = 'delivered', 'delivered', 'error'), 503, 'HTTP 503', s.generation
FROM settled AS s, numbers, names
WHERE s.delivery > before << 16 | 65535;

-- Of the key's deliveries the first half is of a route that somebody has paused.
INSERT INTO queue (lane, delivery, route, generation, order_key)
SELECT
  lane, sequence << 16,
  iif(sequence <= before + :events / 100 * 95, held, route),
  names.generation, 'one-key'
FROM events, names
WHERE sequence > before + :events / 10 * 9;

-- An event with as many routes that did not match as are recorded.
UPDATE events
SET
  non_matches = (
    SELECT json_group_array(json_array(key, 'opened'))
    FROM (SELECT key FROM conditions ORDER BY key LIMIT 32)
  ),
  non_matches_more = 8
WHERE sequence = (SELECT before FROM names) + :events / 2;

COMMIT;
