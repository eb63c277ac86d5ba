-- The numbers of events and deliveries fit into their ids.
--
-- Two deliveries would have one `webhook-id`. Report it.
--
-- See design.md 5, rule 5: the delivery's id is the same on each attempt.
SELECT 'event_numbers_fit' AS invariant, sequence AS event, deliveries
FROM events
WHERE sequence NOT BETWEEN 1 AND (1 << 40) - 1 OR deliveries NOT BETWEEN 0 AND 65536;
