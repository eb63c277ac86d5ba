-- An event has the source it came from and the configuration that it was routed by.
--
-- The views do not show it, and `why` cannot explain it. Report it.
--
-- See design.md 5, rule 10.
SELECT 'event_has_origin' AS invariant, e.sequence AS event, e.source, e.generation
FROM events AS e
LEFT JOIN sources AS s ON s.key = e.source
LEFT JOIN modules AS m ON m.key = s.module
LEFT JOIN generations AS g ON g.generation = e.generation
WHERE m.key IS NULL OR g.generation IS NULL;
