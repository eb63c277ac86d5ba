-- What ended otherwise than delivered says why.
--
-- Nobody can tell what became of an event. Report it; its attempts may say more.
--
-- See design.md 5, rule 2.
SELECT 'settled_has_reason' AS invariant, delivery, state
FROM settled
WHERE state <> 'delivered' AND coalesce(reason, '') = '';
