-- What is settled is not queued any more.
--
-- It has an outcome and would get a second one: it would be sent again at the next start. Report
-- it, and restore a backup.
--
-- See design.md 5, rule 2.
SELECT 'settled_not_queued' AS invariant, q.delivery, s.state
FROM queue AS q
JOIN settled AS s ON s.delivery = q.delivery;
