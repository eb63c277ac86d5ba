-- A module's configuration is its own, and its documents are there.
--
-- A start loads modules from their files, not from here, so it repairs this. Report it.
--
-- See design.md 5, rules 7 and 10.
SELECT 'generation_of_module' AS invariant, m.key AS module, m.name, m.generation
FROM modules AS m
LEFT JOIN generations AS g ON g.generation = m.generation
LEFT JOIN documents AS d ON d.hash = g.content_hash
WHERE m.generation IS NOT NULL AND (g.module IS NOT m.key OR d.hash IS NULL);
