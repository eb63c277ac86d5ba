-- A settled delivery has as many attempts as it says.
--
-- The record of an attempt is missing, or one was made after the end. Report it.
--
-- See design.md 5, rules 2 and 4.
SELECT 'settled_attempts_counted' AS invariant, delivery, attempts AS expected, found
FROM (
  SELECT s.delivery, s.attempts,
    (SELECT count(*) FROM attempts AS a WHERE a.delivery = s.delivery) AS found
  FROM settled AS s
)
WHERE attempts <> found;
