/// What `trace` and `why` ask. Each finds its rows by a key, so that the answer takes as long with a
/// million events as with ten; `QueryPlanTests` asserts that it does.
extension SQL {
  /// Primary keys; the ended deliveries are a range of settled's.
  package static let journeyEvent = """
    SELECT
      e.accepted_at_ms, m.name, s.id, e.type, json_extract(e.provenance, '$.platform_event'),
      e.external_id, e.trace, e.deliveries,
      (
        SELECT count(*) FROM settled AS d
        WHERE d.delivery BETWEEN e.sequence << 16 AND e.sequence << 16 | 65535
      ),
      e.generation, e.duplicates, e.last_duplicate_ms, coalesce(e.non_matches_more, 0), e.cause,
      c.accepted_at_ms, c.external_id, m.alias
    FROM events AS e
      CROSS JOIN sources AS s ON s.key = e.source
      CROSS JOIN modules AS m ON m.key = s.module
      LEFT JOIN events AS c ON c.sequence = e.cause >> 16
    WHERE e.sequence = ?1
    """

  /// Primary key.
  package static let eventIdentity = """
    SELECT accepted_at_ms, external_id, trace, deliveries, cause FROM events WHERE sequence = ?1
    """

  /// Partial index events_trace, which covers it.
  package static let eventsOfTrace = """
    SELECT sequence FROM events WHERE trace = ?1 ORDER BY sequence LIMIT ?2
    """

  /// Partial index events_trace, which covers it; counts up to a bound.
  package static let countOfTrace = """
    SELECT count(*) FROM (SELECT 1 FROM events WHERE trace = ?1 LIMIT ?2)
    """

  /// Partial index events_cause, which covers it: a range of one event's deliveries.
  package static let eventsCausedBy = """
    SELECT sequence FROM events
    WHERE cause BETWEEN ?1 AND ?1 | 65535
    ORDER BY cause, sequence
    LIMIT ?2
    """

  /// Primary key: a range of one event.
  package static let settledDeliveries = """
    SELECT
      d.delivery, printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | d.delivery),
      m.name, r.name, r.actor, d.state, d.reason, NULL, NULL, d.attempts, d.order_key,
      d.generation,
      strftime(
        '%Y-%m-%dT%H:%M:%fZ', coalesce(d.created_at_ms, e.accepted_at_ms) / 1000.0, 'unixepoch'
      ),
      strftime('%Y-%m-%dT%H:%M:%fZ', d.settled_at_ms / 1000.0, 'unixepoch'), d.replay
    FROM settled AS d
      CROSS JOIN events AS e ON e.sequence = d.delivery >> 16
      CROSS JOIN routes AS r ON r.key = d.route
      CROSS JOIN modules AS m ON m.key = r.module
      CROSS JOIN node AS n ON n.id = 1
    WHERE d.delivery BETWEEN ?1 AND ?2 AND (?3 IS NULL OR r.name = ?3)
    ORDER BY d.delivery
    LIMIT ?4
    """

  /// By lane, because the queue's key begins with it; asked only of events that are not settled.
  package static let unsettledDeliveries = """
    SELECT
      d.delivery, printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | d.delivery),
      m.name, r.name, r.actor, d.state, NULL, d.wait_reason,
      strftime('%Y-%m-%dT%H:%M:%fZ', d.due_at_ms / 1000.0, 'unixepoch'),
      d.attempts, d.order_key, d.generation,
      strftime(
        '%Y-%m-%dT%H:%M:%fZ', coalesce(d.created_at_ms, e.accepted_at_ms) / 1000.0, 'unixepoch'
      ),
      NULL, d.replay, d.lane, d.route
    FROM lanes AS w
      CROSS JOIN unsettled AS d ON d.lane = w.key AND d.delivery BETWEEN ?1 AND ?2
      CROSS JOIN events AS e ON e.sequence = d.delivery >> 16
      CROSS JOIN routes AS r ON r.key = d.route
      CROSS JOIN modules AS m ON m.key = r.module
      CROSS JOIN node AS n ON n.id = 1
    WHERE ?3 IS NULL OR r.name = ?3
    ORDER BY d.delivery
    LIMIT ?4
    """

  /// Primary key (delivery, number): the newest of one delivery.
  package static let newestAttempts = """
    SELECT
      number, strftime('%Y-%m-%dT%H:%M:%fZ', started_at_ms / 1000.0, 'unixepoch'),
      strftime('%Y-%m-%dT%H:%M:%fZ', ended_at_ms / 1000.0, 'unixepoch'),
      outcome, status_code, substr(error, 1, 2000), ended_at_ms - started_at_ms, prompt_hash,
      transforms
    FROM attempts
    WHERE delivery = ?1
    ORDER BY number DESC
    LIMIT ?2
    """

  /// Primary key.
  package static let runningAttempt = """
    SELECT
      number, strftime('%Y-%m-%dT%H:%M:%fZ', started_at_ms / 1000.0, 'unixepoch'), started_at_ms
    FROM running
    WHERE delivery = ?1
    """

  /// Primary keys; the record is a list in the event's row.
  package static let nonMatchesOfEvent = """
    SELECT
      m.name, r.name, c.path, c.expected, json_extract(d.value, '$[1]'),
      json_extract(d.value, '$[2]') IS NOT NULL
    FROM events AS e
      CROSS JOIN json_each(e.non_matches) AS d
      CROSS JOIN conditions AS c ON c.key = json_extract(d.value, '$[0]')
      CROSS JOIN routes AS r ON r.key = c.route
      CROSS JOIN modules AS m ON m.key = r.module
    WHERE e.sequence = ?1 AND (?2 IS NULL OR r.name = ?2)
    """

  /// Primary keys.
  package static let routeStanding = """
    SELECT
      r.name, r.actor, r.removed_at_ms, m.name, m.desired, m.changed_at_ms,
      am.name, am.desired, am.changed_at_ms,
      coalesce(al.disabled_since_ms, al.gone_since_ms), r.module, al.module, al.name,
      r.circuit_open_until_ms
    FROM routes AS r
      CROSS JOIN modules AS m ON m.key = r.module
      LEFT JOIN lanes AS al ON al.key = r.actor_lane
      LEFT JOIN modules AS am ON am.key = al.module
    WHERE r.key = ?1
    """

  /// Primary keys.
  package static let laneStanding = """
    SELECT
      l.kind, l.name, m.name, m.desired, m.changed_at_ms, l.circuit_open_until_ms,
      l.next_start_ms
    FROM lanes AS l CROSS JOIN modules AS m ON m.key = l.module
    WHERE l.key = ?1
    """

  /// Primary key (kind, module, name), once for each thing that can be paused.
  package static let pausesOfRoute = """
    SELECT p.kind, m.name, p.name, p.since_ms, p.by, p.reason, p.until_ms
    FROM (
      SELECT * FROM paused WHERE kind = 'module' AND module = ?1
      UNION ALL
      SELECT * FROM paused WHERE kind = 'module' AND module = ?3 AND ?3 <> ?1
      UNION ALL
      SELECT * FROM paused WHERE kind = 'actor' AND module = ?3 AND name = ?4
      UNION ALL
      SELECT * FROM paused WHERE kind = 'route' AND module = ?1 AND name = ?2
    ) AS p CROSS JOIN modules AS m ON m.key = p.module
    """

  /// Primary key (lane, delivery).
  package static let queuedRow = """
    SELECT due_at_ms, wait_reason, order_key FROM queue WHERE lane = ?1 AND delivery = ?2
    """

  /// Partial index queue_order: one key of one lane.
  package static let olderOfKey = """
    SELECT delivery, route
    FROM queue INDEXED BY queue_order
    WHERE lane = ?1 AND order_key = ?2 AND delivery < ?3 AND state <> 3
    ORDER BY delivery
    LIMIT ?4
    """

  /// Primary key (lane, delivery); counts up to a bound.
  package static let countOlder = """
    SELECT count(*) FROM (SELECT 1 FROM queue WHERE lane = ?1 AND delivery < ?2 LIMIT ?3)
    """

  /// A pass over what is in flight: at most lanes × concurrency rows.
  package static let countRunning = "SELECT count(*) FROM running WHERE lane = ?1"

  /// Unique (module, name), once for each module.
  package static let namesakes = """
    SELECT m.key, m.name
    FROM modules AS m CROSS JOIN routes AS r ON r.module = m.key AND r.name = ?1
    LIMIT ?2
    """

  /// Index generations_module, backwards until one is old enough, and primary key.
  package static let documentsAt = """
    SELECT g.generation, d.content
    FROM generations AS g CROSS JOIN documents AS d ON d.hash = g.content_hash
    WHERE g.module = ?1 AND g.applied_at_ms <= ?2
    ORDER BY g.generation DESC
    LIMIT 1
    """

  /// Primary keys.
  package static let documentsOf = """
    SELECT g.generation, d.content, m.name
    FROM generations AS g
      CROSS JOIN documents AS d ON d.hash = g.content_hash
      CROSS JOIN modules AS m ON m.key = g.module
    WHERE g.generation = ?1
    """
}
