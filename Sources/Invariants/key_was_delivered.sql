-- A key of a dedup transform is used up only by a delivery that was delivered.
--
-- Later events with the key are dropped as duplicates although the first never arrived. Delete the
-- row, send the dropped ones again, and report it.
--
-- See design.md 5, rules 2 and 4.
SELECT 'key_was_delivered' AS invariant, k.delivery, k.route, k.transform, s.state
FROM delivered_keys AS k
JOIN events AS e ON e.sequence = k.delivery >> 16
LEFT JOIN settled AS s ON s.delivery = k.delivery
WHERE s.state IS NOT 'delivered' OR s.route IS NOT k.route;
