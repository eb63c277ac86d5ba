-- The file has the one node that its ids are made with.
--
-- Ids of all events and deliveries would change, or the views show none. Restore a backup.
--
-- See design.md 5, rule 5: a delivery keeps its id.
SELECT 'one_node' AS invariant, count(*) AS nodes
FROM node
HAVING count(*) <> 1;
