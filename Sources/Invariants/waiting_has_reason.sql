-- What waits or is parked says why.
--
-- Nobody can tell what it waits for. Report it; a delivery that waits has a time and goes on then.
--
-- See design.md 5, rule 2.
SELECT 'waiting_has_reason' AS invariant, delivery, state
FROM queue
WHERE state <> 0 AND coalesce(wait_reason, '') = '';
