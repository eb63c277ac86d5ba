-- A replay makes one delivery of an event for a route at most, however often it was cut off.
--
-- The actor gets the event more often than was asked for. Report it; the rows can stay.
--
-- See design.md 5, rule 2.
SELECT 'replayed_once' AS invariant, replay, delivery >> 16 AS event, route,
  count(*) AS deliveries
FROM (
  SELECT replay, delivery, route FROM queue WHERE replay IS NOT NULL
  UNION ALL
  SELECT replay, delivery, route FROM settled WHERE replay IS NOT NULL
)
GROUP BY replay, delivery >> 16, route
HAVING count(*) > 1;
