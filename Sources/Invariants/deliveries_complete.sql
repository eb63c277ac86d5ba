-- Each delivery of an event is either queued or settled, exactly once.
--
-- A delivery was lost, or is there twice. Keep the file as it is, start from the newest backup
-- that passes this check, and report it: nothing that orgloop does may lead here.
--
-- See design.md 5, rule 2.
--
-- The cast gives the number a type, without which SQLite would compare each event with each group.
SELECT 'deliveries_complete' AS invariant, e.sequence AS event, e.deliveries AS expected,
  coalesce(d.found, 0) AS found
FROM events AS e
LEFT JOIN (
  SELECT CAST(delivery >> 16 AS INTEGER) AS sequence, count(*) AS found,
    count(DISTINCT delivery) AS numbers, max(delivery & 65535) AS newest
  FROM (SELECT delivery FROM queue UNION ALL SELECT delivery FROM settled)
  GROUP BY delivery >> 16
) AS d ON d.sequence = e.sequence
WHERE coalesce(d.found, 0) <> e.deliveries OR coalesce(d.numbers, 0) <> e.deliveries
  OR coalesce(d.newest, -1) <> e.deliveries - 1;
