-- A delivery has its route, its queue, and the configuration that made it.
--
-- Nobody takes it, and the views do not show it. Report it, and restore a backup.
--
-- See design.md 5, rules 2 and 5.
SELECT 'delivery_has_route' AS invariant, d.delivery, d.route, d.lane, d.generation
FROM (
  SELECT delivery, lane, route, generation FROM queue
  UNION ALL
  SELECT delivery, lane, route, generation FROM settled
) AS d
LEFT JOIN routes AS r ON r.key = d.route
LEFT JOIN modules AS m ON m.key = r.module
LEFT JOIN lanes AS l ON l.key = d.lane
LEFT JOIN generations AS g ON g.generation = d.generation
WHERE m.key IS NULL OR l.key IS NULL OR g.generation IS NULL;
