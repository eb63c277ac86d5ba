-- The attempts of a delivery are numbered from 1 without a gap.
--
-- The record of an attempt is missing. Report it; deliveries go on.
--
-- See design.md 5, rules 4 and 5.
SELECT 'attempts_numbered' AS invariant, delivery, min(number) AS first, max(number) AS last,
  count(*) AS attempts
FROM attempts
GROUP BY delivery
HAVING min(number) <> 1 OR max(number) <> count(*);
