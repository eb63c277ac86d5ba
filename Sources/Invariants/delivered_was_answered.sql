-- A delivery that is settled as delivered ends with an attempt that its actor answered, or that
-- stored it in the inbox (see inbox_has_delivery).
--
-- The actor may never have got the event. Look at the delivery's attempts and send the event again
-- where that is so, and report it.
--
-- See design.md 5, rule 4.
SELECT 'delivered_was_answered' AS invariant, s.delivery, s.attempts, a.outcome
FROM settled AS s
LEFT JOIN attempts AS a ON a.delivery = s.delivery AND a.number = s.attempts
WHERE s.state = 'delivered' AND a.outcome IS NOT 'delivered';
