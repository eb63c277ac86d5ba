-- An event that has duplicates says since when.
--
-- Another event was taken for a copy of this one, and not stored. Report it.
--
-- See design.md 5, rule 1.
SELECT 'duplicates_have_time' AS invariant, sequence AS event, duplicates
FROM events
WHERE (duplicates = 0) <> (last_duplicate_ms IS NULL) OR duplicates < 0;
