-- What waits in the inbox, or was collected from it, is a delivery that ended there, and such a
-- delivery is in the inbox.
--
-- An event may never be collected, or be collected by nobody's leave. Look at v_inbox, send the
-- event again where it is missing, and report it.
--
-- See design.md 5, rules 2 and 4.
SELECT 'inbox_has_delivery' AS invariant, i.delivery, i.state AS inbox, s.state
FROM inbox AS i
LEFT JOIN settled AS s ON s.delivery = i.delivery
WHERE i.state <> 'expired' AND (s.state IS NOT 'delivered' OR s.reason IS NOT 'inbox')
UNION ALL
SELECT 'inbox_has_delivery', s.delivery, NULL, s.state
FROM settled AS s
LEFT JOIN inbox AS i ON i.delivery = s.delivery
WHERE s.state = 'delivered' AND s.reason = 'inbox' AND i.delivery IS NULL;
