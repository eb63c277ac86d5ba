-- A queued delivery has as many attempts as it says, and no more of them before its last requeue.
--
-- It will be tried too often or not often enough. Report it.
--
-- See design.md 5, rule 5.
SELECT 'queued_attempts_counted' AS invariant, delivery, attempts AS expected, found,
  attempts_before
FROM (
  SELECT q.delivery, q.attempts, q.attempts_before,
    (SELECT count(*) FROM attempts AS a WHERE a.delivery = q.delivery) AS found
  FROM queue AS q
)
WHERE attempts <> found OR attempts_before > attempts;
