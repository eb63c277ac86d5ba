-- What is recorded of routes that did not match names a condition that the file knows.
--
-- `why` cannot say why a route did not match. Report it; deliveries are not harmed.
--
-- See design.md 5, rule 10.
SELECT 'non_matches_named' AS invariant, e.sequence AS event,
  json_extract(m.value, '$[0]') AS condition
FROM events AS e
JOIN json_each(CASE WHEN json_valid(e.non_matches) THEN e.non_matches END) AS m
LEFT JOIN conditions AS c ON c.key = json_extract(m.value, '$[0]')
LEFT JOIN routes AS r ON r.key = c.route
WHERE r.key IS NULL;
