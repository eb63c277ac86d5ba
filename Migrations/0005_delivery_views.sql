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
      q.delivery, q.route,
      CASE
        WHEN a.delivery IS NOT NULL THEN 'running'
        WHEN q.state = 0 THEN 'pending' WHEN q.state = 2 THEN 'waiting' ELSE 'parked'
      END AS state,
      NULL AS reason,
      CASE WHEN a.delivery IS NULL THEN coalesce(q.wait_reason, 'queued') END AS wait_reason,
      q.due_at_ms, q.attempts + (a.delivery IS NOT NULL) AS attempts, q.order_key,
      q.generation, q.replay, q.created_at_ms, NULL AS settled_at_ms
    FROM queue AS q LEFT JOIN running AS a ON a.delivery = q.delivery
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

CREATE VIEW v_attempts AS
SELECT
  printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | a.delivery) AS delivery_id,
  a.number,
  strftime('%Y-%m-%dT%H:%M:%fZ', a.started_at_ms / 1000.0, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', a.ended_at_ms / 1000.0, 'unixepoch') AS ended_at,
  a.outcome,
  a.status_code,
  a.error,
  a.ended_at_ms - a.started_at_ms AS duration_ms,
  a.retry_after_ms,
  a.response_excerpt,
  a.output,
  a.prompt_hash,
  a.generation,
  a.transforms,
  a.delivery
FROM
  (
    SELECT
      delivery, number, started_at_ms, ended_at_ms, outcome, status_code, error, retry_after_ms,
      response_excerpt, output, prompt_hash, generation, transforms
    FROM attempts
    UNION ALL
    SELECT
      delivery, number, started_at_ms, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      generation, NULL
    FROM running
  ) AS a
  JOIN events AS e ON e.sequence = a.delivery >> 16
  JOIN node AS n ON n.id = 1;
