-- What must hold in every orgloop database, whatever crashed (design.md 5).
-- Each query gives the rows that break a rule: the rule, and the row. All together give nothing:
--   sqlite3 -readonly FILE < Tests/crash/invariants.sql
-- The Swift tests run this same file (Tests/TestSupport/Invariants.swift).

SELECT 'every delivery of an event is queued or settled, once',
  'event ' || e.sequence || ': ' || coalesce(d.found, 0) || ' of ' || e.deliveries
FROM events AS e
LEFT JOIN (
  SELECT delivery >> 16 AS sequence, count(*) AS found, count(DISTINCT delivery) AS numbers,
    max(delivery & 65535) AS newest
  FROM (SELECT delivery FROM queue UNION ALL SELECT delivery FROM settled)
  GROUP BY delivery >> 16
) AS d ON d.sequence = e.sequence
WHERE coalesce(d.found, 0) <> e.deliveries OR coalesce(d.numbers, 0) <> e.deliveries
  OR coalesce(d.newest, -1) <> e.deliveries - 1;

SELECT 'what is settled is not queued', 'delivery ' || q.delivery
FROM queue AS q JOIN settled AS s ON s.delivery = q.delivery;

SELECT 'a delivery, its attempts and its result belong to an event', d.kind || ' ' || d.delivery
FROM (
  SELECT 'queue' AS kind, delivery FROM queue
  UNION ALL SELECT 'settled', delivery FROM settled
  UNION ALL SELECT 'attempts', delivery FROM attempts
  UNION ALL SELECT 'running', delivery FROM running
  UNION ALL SELECT 'transformed', delivery FROM transformed
  UNION ALL SELECT 'delivered_keys', delivery FROM delivered_keys
) AS d
LEFT JOIN events AS e ON e.sequence = d.delivery >> 16
WHERE e.sequence IS NULL OR d.delivery & 65535 >= e.deliveries;

SELECT 'a delivered delivery ends with an attempt that its actor answered',
  'delivery ' || s.delivery
FROM settled AS s
LEFT JOIN attempts AS a ON a.delivery = s.delivery AND a.number = s.attempts
WHERE s.state = 'delivered' AND a.outcome IS NOT 'delivered';

SELECT 'only the last attempt of a delivery delivers', 'delivery ' || a.delivery
FROM attempts AS a
LEFT JOIN settled AS s ON s.delivery = a.delivery
WHERE a.outcome = 'delivered'
  AND (s.state IS NOT 'delivered' OR s.attempts IS NOT a.number);

SELECT 'a running attempt is of a delivery in that queue', 'delivery ' || a.delivery
FROM running AS a
LEFT JOIN queue AS q ON q.lane = a.lane AND q.delivery = a.delivery
WHERE q.delivery IS NULL OR q.state = 3;

SELECT 'a running attempt follows those that ended', 'delivery ' || a.delivery
FROM running AS a JOIN queue AS q ON q.delivery = a.delivery
WHERE a.number <> q.attempts + 1;

SELECT 'attempts are numbered from 1 without a gap', 'delivery ' || delivery
FROM attempts
GROUP BY delivery
HAVING min(number) <> 1 OR max(number) <> count(*);

SELECT 'a settled delivery has as many attempts as it says', 'delivery ' || s.delivery
FROM settled AS s
WHERE s.attempts <> (SELECT count(*) FROM attempts AS a WHERE a.delivery = s.delivery);

SELECT 'a queued delivery has as many attempts as it says', 'delivery ' || q.delivery
FROM queue AS q
WHERE q.attempts <> (SELECT count(*) FROM attempts AS a WHERE a.delivery = q.delivery)
  OR q.attempts_before > q.attempts;

SELECT 'what was not delivered says why', 'delivery ' || delivery
FROM settled
WHERE state <> 'delivered' AND coalesce(reason, '') = '';

SELECT 'what waits or is parked says why', 'delivery ' || delivery
FROM queue
WHERE state <> 0 AND coalesce(wait_reason, '') = '';

SELECT 'an external id leads to its event', i.id
FROM external_ids AS i
LEFT JOIN events AS e ON e.sequence = i.sequence
WHERE e.external_id IS NOT i.id;

SELECT 'an event with an external id is found by it', 'event ' || e.sequence
FROM events AS e
LEFT JOIN external_ids AS i ON i.id = e.external_id
WHERE e.external_id IS NOT NULL AND i.sequence IS NOT e.sequence;

SELECT 'a dedup key leads to its event', k.source || ' ' || k.key
FROM dedup_keys AS k
LEFT JOIN events AS e ON e.sequence = k.sequence
WHERE e.dedup_key IS NOT k.key OR e.source IS NOT k.source;

SELECT 'an event with a dedup key holds it', 'event ' || e.sequence
FROM events AS e
LEFT JOIN dedup_keys AS k ON k.source = e.source AND k.key = e.dedup_key
WHERE e.dedup_key IS NOT NULL AND k.sequence IS NOT e.sequence;

SELECT 'an event is newer than the delivery that caused it', 'event ' || e.sequence
FROM events AS e
LEFT JOIN events AS c ON c.sequence = e.cause >> 16
WHERE e.cause IS NOT NULL AND (c.sequence IS NULL OR c.sequence >= e.sequence);

SELECT 'event numbers fit into ids', 'event ' || sequence
FROM events
WHERE sequence NOT BETWEEN 1 AND (1 << 40) - 1 OR deliveries NOT BETWEEN 0 AND 65536;

SELECT 'an event has a source and a generation', 'event ' || e.sequence
FROM events AS e
LEFT JOIN sources AS s ON s.key = e.source
LEFT JOIN generations AS g ON g.generation = e.generation
WHERE s.key IS NULL OR g.generation IS NULL;

SELECT 'a delivery has a route and a lane', 'delivery ' || d.delivery
FROM (
  SELECT delivery, lane, route FROM queue UNION ALL SELECT delivery, lane, route FROM settled
) AS d
LEFT JOIN routes AS r ON r.key = d.route
LEFT JOIN lanes AS l ON l.key = d.lane
WHERE r.key IS NULL OR l.key IS NULL;

SELECT 'a source has counted its events', 'source ' || s.key
FROM sources AS s
WHERE s.event_count < (SELECT count(*) FROM events AS e WHERE e.source = s.key);

SELECT 'a module''s generation is its own, with its documents', 'module ' || m.name
FROM modules AS m
LEFT JOIN generations AS g ON g.generation = m.generation
LEFT JOIN documents AS d ON d.hash = g.content_hash
WHERE m.generation IS NOT NULL AND (g.module IS NOT m.key OR d.hash IS NULL);

SELECT 'the JSON of an event is JSON', 'event ' || sequence
FROM events
WHERE NOT json_valid(provenance) OR NOT json_valid(payload)
  OR (extra IS NOT NULL AND NOT json_valid(extra))
  OR (non_matches IS NOT NULL AND NOT json_valid(non_matches));

SELECT 'the file has one node for its ids', count(*) || ' nodes' FROM node HAVING count(*) <> 1;

SELECT 'every migration is recorded', 'schema ' || v.user_version
FROM pragma_user_version AS v
WHERE v.user_version <> (SELECT count(*) FROM meta WHERE key GLOB 'migration *');
