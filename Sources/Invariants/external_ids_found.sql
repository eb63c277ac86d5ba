-- An event that came with an id is found by it, and an id leads to its event.
--
-- An event that is sent a second time may be stored twice, or refused as known and lost. Report
-- it.
--
-- See design.md 5, rules 1 and 2.
SELECT 'external_ids_found' AS invariant, i.sequence AS event, i.id, e.external_id AS found
FROM external_ids AS i
LEFT JOIN events AS e ON e.sequence = i.sequence
WHERE e.external_id IS NOT i.id
UNION ALL
SELECT 'external_ids_found', e.sequence, e.external_id, NULL
FROM events AS e
LEFT JOIN external_ids AS i ON i.id = e.external_id
WHERE e.external_id IS NOT NULL AND i.sequence IS NOT e.sequence;
