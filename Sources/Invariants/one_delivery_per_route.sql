-- A route has one delivery of an event at most; replays are deliveries of their own.
--
-- The actor got the event twice without a cause. Report it; the rows can stay.
--
-- See design.md 5, rule 2.
SELECT 'one_delivery_per_route' AS invariant, delivery >> 16 AS event, route,
  count(*) AS deliveries
FROM (
  SELECT delivery, route FROM queue WHERE replay IS NULL AND created_at_ms IS NULL
  UNION ALL
  SELECT delivery, route FROM settled WHERE replay IS NULL AND created_at_ms IS NULL
)
GROUP BY delivery >> 16, route
HAVING count(*) > 1;
