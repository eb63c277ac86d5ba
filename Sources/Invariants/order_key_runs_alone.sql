-- Of the deliveries of one queue with one order key, one at most is being attempted.
--
-- They may reach their actor in another order than they were accepted in. Report it.
--
-- See design.md 5, rule 6.
SELECT 'order_key_runs_alone' AS invariant, q.lane, q.order_key, count(*) AS running,
  min(q.delivery) AS oldest
FROM running AS a
JOIN queue AS q ON q.lane = a.lane AND q.delivery = a.delivery
WHERE q.order_key IS NOT NULL
GROUP BY q.lane, q.order_key
HAVING count(*) > 1;
