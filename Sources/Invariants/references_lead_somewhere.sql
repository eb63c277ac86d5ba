-- Every reference that the schema declares leads to a row.
--
-- Something lost what it belongs to. Report it; a reload of the module concerned writes most of
-- these rows again.
--
-- See design.md 5, rules 7 and 10.
SELECT 'references_lead_somewhere' AS invariant, "table", rowid AS row, parent
FROM pragma_foreign_key_check;
