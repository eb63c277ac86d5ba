-- Circuit breakers of deliveries: of a route, or of a whole queue (`lanes` has had the columns).

-- Failed attempts in a row, and until when nothing is tried; past that moment one attempt decides.
ALTER TABLE routes ADD COLUMN consecutive_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE routes ADD COLUMN circuit_open_until_ms INTEGER;

-- Since when an actor is disabled because it said that it is gone for good (HTTP 410). Unlike
-- `disabled_since_ms`, which follows the configuration, only an operator ends it.
ALTER TABLE lanes ADD COLUMN gone_since_ms INTEGER;

-- What is parked because its queue was full, and moves up when there is room.
CREATE INDEX queue_overflow ON queue (lane, delivery) WHERE state = 3 AND wait_reason = 'overflow';

-- When the rate of a queue lets the next attempt begin.
ALTER TABLE lanes ADD COLUMN next_start_ms INTEGER;

DROP VIEW v_deliveries;
DROP VIEW unsettled;

-- What is unsettled, in words: the row's own state, unless its module, its route or its actor is
-- not at work, or a breaker is open. Not for users; `v_deliveries` is.
CREATE VIEW unsettled AS
SELECT
  q.lane, q.delivery, q.route, q.generation, q.attempts + (a.delivery IS NOT NULL) AS attempts,
  CASE
    WHEN a.delivery IS NULL AND q.state <> 3
    THEN nullif(
      max(
        coalesce(q.due_at_ms, 0), coalesce(r.circuit_open_until_ms, 0),
        coalesce(l.circuit_open_until_ms, 0)
      ), 0
    )
  END AS due_at_ms,
  q.order_key, q.created_at_ms, q.replay,
  CASE
    WHEN a.delivery IS NOT NULL THEN 'running'
    WHEN q.state = 3 OR r.removed_at_ms IS NOT NULL OR m.desired = 'removed'
      OR lm.desired = 'removed' OR am.desired = 'removed' OR al.disabled_since_ms IS NOT NULL
      OR al.gone_since_ms IS NOT NULL
    THEN 'parked'
    WHEN q.state = 0 THEN 'pending'
    ELSE 'waiting'
  END AS state,
  CASE
    WHEN a.delivery IS NOT NULL THEN NULL
    WHEN m.desired = 'removed' OR lm.desired = 'removed' OR am.desired = 'removed'
    THEN 'module_unloaded'
    WHEN r.removed_at_ms IS NOT NULL THEN 'route_removed'
    WHEN al.disabled_since_ms IS NOT NULL OR al.gone_since_ms IS NOT NULL THEN 'actor_disabled'
    WHEN EXISTS (
      SELECT 1 FROM paused AS p
      WHERE (p.kind = 'route' AND p.module = r.module AND p.name = r.name)
        OR (p.kind = 'actor' AND p.module = al.module AND p.name = al.name)
        OR (p.kind = 'module' AND p.module IN (r.module, al.module))
    ) THEN 'paused'
    WHEN q.state <> 3
      AND max(coalesce(r.circuit_open_until_ms, 0), coalesce(l.circuit_open_until_ms, 0))
        > coalesce(q.due_at_ms, 0)
    THEN 'circuit_open'
    ELSE coalesce(q.wait_reason, 'queued')
  END AS wait_reason
FROM queue AS q
  LEFT JOIN running AS a ON a.delivery = q.delivery
  LEFT JOIN routes AS r ON r.key = q.route
  LEFT JOIN modules AS m ON m.key = r.module
  LEFT JOIN lanes AS l ON l.key = q.lane
  LEFT JOIN modules AS lm ON lm.key = l.module
  LEFT JOIN lanes AS al ON al.key = r.actor_lane
  LEFT JOIN modules AS am ON am.key = al.module;

CREATE VIEW v_deliveries AS
SELECT
  printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | d.delivery) AS id,
  coalesce(
    e.external_id,
    printf('evt_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
  ) AS event_id,
  m.name AS module,
  r.name AS route,
  r.actor,
  d.state,
  d.reason,
  d.wait_reason,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.due_at_ms / 1000.0, 'unixepoch') AS next_attempt_at,
  d.attempts,
  d.order_key,
  d.generation,
  d.replay AS replay_id,
  strftime(
    '%Y-%m-%dT%H:%M:%fZ', coalesce(d.created_at_ms, e.accepted_at_ms) / 1000.0, 'unixepoch'
  ) AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.settled_at_ms / 1000.0, 'unixepoch') AS settled_at,
  d.delivery
FROM
  (
    SELECT
      delivery, route, state, NULL AS reason, wait_reason, due_at_ms, attempts, order_key,
      generation, replay, created_at_ms, NULL AS settled_at_ms
    FROM unsettled
    UNION ALL
    SELECT
      delivery, route, state, reason, NULL, NULL, attempts, order_key, generation, replay,
      created_at_ms, settled_at_ms
    FROM settled
  ) AS d
  JOIN events AS e ON e.sequence = d.delivery >> 16
  JOIN routes AS r ON r.key = d.route
  JOIN modules AS m ON m.key = r.module
  JOIN node AS n ON n.id = 1;
