-- Whatever is stored of a delivery belongs to an event that has it.
--
-- An event is gone, or was never stored: rule 1 may be broken as well. Keep the file, start from
-- the newest backup that passes this check, and report it.
--
-- See design.md 5, rules 1 and 2.
SELECT 'belongs_to_event' AS invariant, d.kind AS "table", d.delivery
FROM (
  SELECT 'queue' AS kind, delivery FROM queue
  UNION ALL SELECT 'settled', delivery FROM settled
  UNION ALL SELECT 'attempts', delivery FROM attempts
  UNION ALL SELECT 'running', delivery FROM running
  UNION ALL SELECT 'transformed', delivery FROM transformed
  UNION ALL SELECT 'held_keys', delivery FROM held_keys
  UNION ALL SELECT 'inbox', delivery FROM inbox
  UNION ALL SELECT 'audit', delivery FROM audit
) AS d
LEFT JOIN events AS e ON e.sequence = d.delivery >> 16
WHERE e.sequence IS NULL OR d.delivery & 65535 >= e.deliveries;
