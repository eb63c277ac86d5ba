-- A route that names a queue names one that there is.
--
-- What the route matches would go nowhere. Reload its module, and report it.
--
-- See design.md 5, rules 2 and 7.
SELECT 'route_has_lane' AS invariant, r.key AS route, r.name, r.lane, r.actor_lane
FROM routes AS r
LEFT JOIN lanes AS l ON l.key = r.lane
LEFT JOIN lanes AS a ON a.key = r.actor_lane
WHERE (r.lane IS NOT NULL AND l.key IS NULL) OR (r.actor_lane IS NOT NULL AND a.key IS NULL);
