-- A route either matched an event, and has a delivery of it, or is recorded as one that did not.
--
-- What `why` would say of the event is wrong. Report it; deliveries are not harmed.
--
-- See design.md 5, rules 2 and 10.
SELECT DISTINCT 'matched_or_not' AS invariant, e.sequence AS event, d.route
FROM (
  SELECT delivery, route FROM queue WHERE replay IS NULL AND created_at_ms IS NULL
  UNION ALL
  SELECT delivery, route FROM settled WHERE replay IS NULL AND created_at_ms IS NULL
) AS d
JOIN events AS e ON e.sequence = d.delivery >> 16
JOIN json_each(CASE WHEN json_valid(e.non_matches) THEN e.non_matches END) AS m
JOIN conditions AS c ON c.key = json_extract(m.value, '$[0]')
WHERE c.route = d.route;
