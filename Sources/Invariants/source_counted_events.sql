-- A source has counted each of its events in the transaction that stored it: a checkpoint is
-- written in the same one.
--
-- A commit is there in part, or the file was changed by another program. Keep it and report it.
--
-- See design.md 5, rule 3.
SELECT 'source_counted_events' AS invariant, s.key AS source, s.id, s.event_count AS counted,
  coalesce(e.stored, 0) AS stored
FROM sources AS s
LEFT JOIN (SELECT source, count(*) AS stored FROM events GROUP BY source) AS e
  ON e.source = s.key
WHERE s.event_count < coalesce(e.stored, 0)
  OR (s.event_count > 0) <> (s.last_event_ms IS NOT NULL);
