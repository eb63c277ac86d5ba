-- A dedup key leads to its event, and an event with a dedup key holds it.
--
-- An event that its platform sends again may be stored twice, or taken for known and lost. Report
-- it.
--
-- See design.md 5, rules 1 and 3.
SELECT 'dedup_keys_found' AS invariant, k.sequence AS event, k.source, k.key
FROM dedup_keys AS k
LEFT JOIN events AS e ON e.sequence = k.sequence
WHERE e.dedup_key IS NOT k.key OR e.source IS NOT k.source
UNION ALL
SELECT 'dedup_keys_found', e.sequence, e.source, e.dedup_key
FROM events AS e
LEFT JOIN dedup_keys AS k ON k.source = e.source AND k.key = e.dedup_key
WHERE e.dedup_key IS NOT NULL AND k.sequence IS NOT e.sequence;
