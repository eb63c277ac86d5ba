-- Only the last attempt of a delivery delivers, and the delivery is settled as delivered then;
-- unless it went to the inbox, from which it can expire.
--
-- An answer of the actor was forgotten, so that it may get the event again. Report it.
--
-- See design.md 5, rules 2 and 4.
SELECT 'delivered_once' AS invariant, a.delivery, a.number, s.state, s.attempts
FROM attempts AS a
LEFT JOIN settled AS s ON s.delivery = a.delivery
LEFT JOIN inbox AS i ON i.delivery = a.delivery
WHERE a.outcome = 'delivered' AND i.delivery IS NULL
  AND (s.state IS NOT 'delivered' OR s.attempts IS NOT a.number);
