-- An attempt that runs is of a delivery that waits in the same queue and is not parked.
--
-- The next start could not continue it. Report it, and restore a backup.
--
-- See design.md 5, rule 5.
SELECT 'running_is_queued' AS invariant, a.delivery, a.lane, q.state
FROM running AS a
LEFT JOIN queue AS q ON q.lane = a.lane AND q.delivery = a.delivery
WHERE q.delivery IS NULL OR q.state = 3;
