-- An attempt that runs has the number after those that ended.
--
-- An attempt was not counted, or counted twice, so a delivery may be tried too often. Report it.
--
-- See design.md 5, rule 5.
SELECT 'running_is_next' AS invariant, a.delivery, a.number, q.attempts AS ended
FROM running AS a
JOIN queue AS q ON q.delivery = a.delivery
WHERE a.number <> q.attempts + 1;
