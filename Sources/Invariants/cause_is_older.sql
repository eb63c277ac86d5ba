-- An event is newer than the delivery whose actor answered with it, which is there unless retention
-- has deleted it.
--
-- What an event caused cannot be followed. Report it; deliveries go on.
--
-- See design.md 5, rule 5.
SELECT 'cause_is_older' AS invariant, e.sequence AS event, e.cause
FROM events AS e
LEFT JOIN events AS c ON c.sequence = e.cause >> 16
WHERE e.cause IS NOT NULL
  AND (e.cause >> 16 >= e.sequence
    OR c.sequence IS NULL
      AND e.cause >> 16 > (SELECT coalesce(max(pruned_through), 0) FROM modules));
