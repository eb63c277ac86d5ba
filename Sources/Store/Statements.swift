/// Every statement of the hot path, prepared once.
///
/// Each text says which key serves it; `QueryPlanTests` asserts that it does.
final class WriterStatements {
  let begin: Statement
  let commit: Statement
  let rollback: Statement
  let insertEvent: Statement
  let enqueue: Statement
  let claimExternalID: Statement
  let releaseExternalID: Statement
  let findExternalID: Statement
  let findOwnID: Statement
  let claimDedupKey: Statement
  let findDedupKey: Statement
  let countDuplicate: Statement
  let countEvents: Statement
  let saveProgress: Statement
  let extendCoverage: Statement
  let startAttempt: Statement
  let endAttempt: Statement
  let recordAttempt: Statement
  let dequeue: Statement
  let settle: Statement
  let wait: Statement
  let park: Statement
  let release: Statement
  let storeTransformed: Statement
  let saveRouteBreaker: Statement
  let saveLaneBreaker: Statement
  let savePace: Statement
  let countQueued: Statement
  let oldestQueued: Statement
  let dropQueued: Statement
  let promote: Statement
  let disableActor: Statement
  let insertAudit: Statement
  let hopsOfTrace: Statement
  let rootOfTrace: Statement
  let moduleOfSource: Statement
  let findLoop: Statement
  let forgetLoops: Statement
  let breakTrace: Statement
  let sumStarts: Statement
  let countStart: Statement
  let forgetStarts: Statement
  let tellBudget: Statement

  init(_ connection: Connection) throws(StoreError) {
    begin = try connection.prepare("BEGIN IMMEDIATE")
    commit = try connection.prepare("COMMIT")
    rollback = try connection.prepare("ROLLBACK")
    insertEvent = try connection.prepare(SQL.insertEvent)
    enqueue = try connection.prepare(SQL.enqueue)
    claimExternalID = try connection.prepare(SQL.claimExternalID)
    releaseExternalID = try connection.prepare(SQL.releaseExternalID)
    findExternalID = try connection.prepare(SQL.findExternalID)
    findOwnID = try connection.prepare(SQL.findOwnID)
    claimDedupKey = try connection.prepare(SQL.claimDedupKey)
    findDedupKey = try connection.prepare(SQL.findDedupKey)
    countDuplicate = try connection.prepare(SQL.countDuplicate)
    countEvents = try connection.prepare(SQL.countEvents)
    saveProgress = try connection.prepare(SQL.saveProgress)
    extendCoverage = try connection.prepare(SQL.extendCoverage)
    startAttempt = try connection.prepare(SQL.startAttempt)
    endAttempt = try connection.prepare(SQL.endAttempt)
    recordAttempt = try connection.prepare(SQL.recordAttempt)
    dequeue = try connection.prepare(SQL.dequeue)
    settle = try connection.prepare(SQL.settle)
    wait = try connection.prepare(SQL.wait)
    park = try connection.prepare(SQL.park)
    release = try connection.prepare(SQL.release)
    storeTransformed = try connection.prepare(SQL.storeTransformed)
    saveRouteBreaker = try connection.prepare(SQL.saveRouteBreaker)
    saveLaneBreaker = try connection.prepare(SQL.saveLaneBreaker)
    savePace = try connection.prepare(SQL.savePace)
    countQueued = try connection.prepare(SQL.countQueued)
    oldestQueued = try connection.prepare(SQL.oldestQueued)
    dropQueued = try connection.prepare(SQL.dropQueued)
    promote = try connection.prepare(SQL.promote)
    disableActor = try connection.prepare(SQL.disableActor)
    insertAudit = try connection.prepare(SQL.insertAudit)
    hopsOfTrace = try connection.prepare(SQL.hopsOfTrace)
    rootOfTrace = try connection.prepare(SQL.rootOfTrace)
    moduleOfSource = try connection.prepare(SQL.moduleOfSource)
    findLoop = try connection.prepare(SQL.findLoop)
    forgetLoops = try connection.prepare(SQL.forgetLoops)
    breakTrace = try connection.prepare(SQL.breakTrace)
    sumStarts = try connection.prepare(SQL.sumStarts)
    countStart = try connection.prepare(SQL.countStart)
    forgetStarts = try connection.prepare(SQL.forgetStarts)
    tellBudget = try connection.prepare(SQL.tellBudget)
  }
}

/// The texts of the statements that the tests explain.
package enum SQL {
  /// Appends: the number is the newest.
  package static let insertEvent = """
    INSERT INTO events (
      sequence, accepted_at_ms, source, type, generation, deliveries, provenance, payload, extra,
      external_id, trace, dedup_key, cause, non_matches, non_matches_more
    )
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
    """

  /// Appends to its lane: primary key (lane, delivery).
  package static let enqueue = """
    INSERT INTO queue (lane, delivery, route, generation, order_key, state, wait_reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    """

  /// Primary key; no row changes when another event has the id.
  package static let claimExternalID = """
    INSERT OR IGNORE INTO external_ids (id, sequence) VALUES (?1, ?2)
    """

  /// Primary key.
  package static let releaseExternalID = "DELETE FROM external_ids WHERE id = ?1"

  /// Primary keys of external_ids and events.
  package static let findExternalID = """
    SELECT e.sequence, e.accepted_at_ms, e.external_id, e.trace
    FROM external_ids AS i
    JOIN events AS e ON e.sequence = i.sequence
    WHERE i.id = ?1
    """

  /// Primary key; an event that came with an id of its own does not go by the one made here.
  package static let findOwnID = """
    SELECT sequence, accepted_at_ms, external_id, trace
    FROM events
    WHERE sequence = ?1 AND accepted_at_ms = ?2 AND external_id IS NULL
    """

  /// Primary key (source, key); no row changes when an event of the source has the key.
  package static let claimDedupKey = """
    INSERT OR IGNORE INTO dedup_keys (source, key, sequence) VALUES (?1, ?2, ?3)
    """

  /// Primary keys of dedup_keys and events.
  package static let findDedupKey = """
    SELECT e.sequence, e.accepted_at_ms, e.external_id, e.trace
    FROM dedup_keys AS d
    JOIN events AS e ON e.sequence = d.sequence
    WHERE d.source = ?1 AND d.key = ?2
    """

  /// Primary key.
  package static let countDuplicate = """
    UPDATE events
    SET duplicates = duplicates + 1, last_duplicate_ms = ?2
    WHERE sequence = ?1
    """

  /// Primary key; once per source and group.
  package static let countEvents = """
    UPDATE sources
    SET event_count = event_count + ?2, last_event_ms = max(coalesce(last_event_ms, 0), ?3)
    WHERE key = ?1
    """

  /// Primary key.
  package static let saveProgress = """
    UPDATE sources
    SET
      checkpoint = coalesce(?2, checkpoint),
      status = ?3,
      last_success_ms = coalesce(?4, last_success_ms),
      last_attempt_ms = coalesce(?5, last_attempt_ms),
      last_error = ?6,
      consecutive_errors = ?7,
      circuit_open = ?8,
      health = ?9
    WHERE key = ?1
    """

  /// Primary key (source, from_ms).
  package static let extendCoverage = """
    INSERT INTO coverage (source, from_ms, to_ms)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (source, from_ms) DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)
    """

  /// Primary keys; that of `running` refuses a second attempt at the same time. A delivery that is
  /// not in the queue any more is not started.
  package static let startAttempt = """
    INSERT INTO running (delivery, lane, number, started_at_ms, generation)
    SELECT delivery, lane, ?3, ?4, ?5
    FROM queue
    WHERE lane = ?2 AND delivery = ?1 AND state <> 3
    """

  /// Primary key.
  package static let endAttempt = "DELETE FROM running WHERE delivery = ?1 RETURNING lane"

  /// Primary key (delivery, number). Only that conflict is let pass: an outcome that is no word of
  /// ours must fail.
  package static let recordAttempt = """
    INSERT INTO attempts (
      delivery, number, started_at_ms, ended_at_ms, outcome, status_code, error, retry_after_ms,
      response_excerpt, output, prompt_hash, generation, transforms
    )
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
    ON CONFLICT (delivery, number) DO NOTHING
    """

  /// Primary key (lane, delivery).
  package static let dequeue = "DELETE FROM queue WHERE lane = ?1 AND delivery = ?2"

  /// Primary key, which refuses a second outcome.
  package static let settle = """
    INSERT INTO settled (
      delivery, lane, route, generation, state, reason, attempts, settled_at_ms, order_key,
      created_at_ms, replay
    )
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    """

  /// Primary key.
  package static let saveRouteBreaker = """
    UPDATE routes SET consecutive_failures = ?2, circuit_open_until_ms = ?3 WHERE key = ?1
    """

  /// Primary key.
  package static let saveLaneBreaker = """
    UPDATE lanes SET consecutive_failures = ?2, circuit_open_until_ms = ?3 WHERE key = ?1
    """

  /// Primary keys of lanes and routes.
  package static let disableActor = """
    UPDATE lanes SET gone_since_ms = coalesce(gone_since_ms, ?2)
    WHERE key = (SELECT actor_lane FROM routes WHERE key = ?1)
    """

  /// Primary key.
  package static let savePace = """
    UPDATE lanes SET rate_state = ?2, next_start_ms = ?3 WHERE key = ?1
    """

  /// Primary key (lane, delivery).
  package static let wait = """
    UPDATE queue
    SET state = 2, due_at_ms = ?3, attempts = ?4, wait_reason = ?5
    WHERE lane = ?1 AND delivery = ?2
    """

  /// Primary key (lane, delivery).
  package static let park = """
    UPDATE queue
    SET state = 3, due_at_ms = NULL, attempts = ?3, wait_reason = ?4
    WHERE lane = ?1 AND delivery = ?2
    """

  /// Primary key (lane, delivery); what is due now is simply pending again.
  package static let release = """
    UPDATE queue
    SET state = 0, due_at_ms = NULL, wait_reason = NULL
    WHERE lane = ?1 AND delivery = ?2 AND state = 2
    """

  /// Primary key; a later attempt's event takes the place of an earlier one's.
  package static let storeTransformed = """
    INSERT OR REPLACE INTO transformed (delivery, event) VALUES (?1, ?2)
    """

  /// Primary key (lane, delivery): a range of one lane.
  package static let claim = """
    SELECT
      q.delivery, q.route, q.generation, q.attempts, q.attempts_before, q.order_key, q.due_at_ms,
      q.created_at_ms, q.replay, e.sequence, e.accepted_at_ms, e.source, e.type, e.provenance,
      e.payload, e.extra, e.external_id, e.trace
    FROM queue AS q
    JOIN events AS e ON e.sequence = q.delivery >> 16
    WHERE q.lane = ?1 AND q.delivery > ?2 AND q.state = 0
      AND (?4 IS NULL OR q.route IN (SELECT value FROM json_each(?4)))
    ORDER BY q.delivery
    LIMIT ?3
    """

  /// The same row by its key: one delivery of one lane.
  package static let claimOne = """
    SELECT
      q.delivery, q.route, q.generation, q.attempts, q.attempts_before, q.order_key, q.due_at_ms,
      q.created_at_ms, q.replay, e.sequence, e.accepted_at_ms, e.source, e.type, e.provenance,
      e.payload, e.extra, e.external_id, e.trace
    FROM queue AS q
    JOIN events AS e ON e.sequence = q.delivery >> 16
    WHERE q.lane = ?1 AND q.delivery = ?2
    """

  /// Partial index queue_due.
  package static let claimDue = """
    SELECT
      q.delivery, q.route, q.generation, q.attempts, q.attempts_before, q.order_key, q.due_at_ms,
      q.created_at_ms, q.replay, e.sequence, e.accepted_at_ms, e.source, e.type, e.provenance,
      e.payload, e.extra, e.external_id, e.trace
    FROM queue AS q INDEXED BY queue_due
    JOIN events AS e ON e.sequence = q.delivery >> 16
    WHERE q.lane = ?1 AND q.state = 2 AND q.due_at_ms <= ?2
    ORDER BY q.due_at_ms, q.delivery
    LIMIT ?3
    """

  /// Partial index queue_due.
  package static let nextDue = """
    SELECT min(due_at_ms) FROM queue INDEXED BY queue_due WHERE lane = ?1 AND state = 2
    """

  /// Partial index queue_due.
  package static let nextDueAfter = """
    SELECT min(due_at_ms)
    FROM queue INDEXED BY queue_due
    WHERE lane = ?1 AND state = 2 AND due_at_ms > ?2
    """

  /// Partial index queue_order: the head of one key.
  package static let headOfKey = """
    SELECT delivery
    FROM queue INDEXED BY queue_order
    WHERE lane = ?1 AND order_key = ?2 AND state <> 3
      AND (?3 IS NULL OR route IN (SELECT value FROM json_each(?3)))
    ORDER BY delivery
    LIMIT 1
    """

  /// Partial index queue_due.
  package static let waitingKeys = """
    SELECT DISTINCT order_key
    FROM queue INDEXED BY queue_due
    WHERE lane = ?1 AND state = 2 AND order_key IS NOT NULL
    """

  /// Partial index events_trace.
  package static let firstOfTrace = """
    SELECT sequence FROM events WHERE trace = ?1 ORDER BY sequence LIMIT 1
    """

  /// By lane on the queue's side, because its key begins with the lane; primary keys everywhere.
  package static let deliveriesOfEvent = """
    SELECT
      d.delivery, printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | d.delivery),
      m.name, r.name, r.actor, d.state, d.reason, d.wait_reason,
      strftime('%Y-%m-%dT%H:%M:%fZ', d.due_at_ms / 1000.0, 'unixepoch'),
      d.attempts, d.order_key, d.generation,
      strftime(
        '%Y-%m-%dT%H:%M:%fZ', coalesce(d.created_at_ms, e.accepted_at_ms) / 1000.0, 'unixepoch'
      ),
      strftime('%Y-%m-%dT%H:%M:%fZ', d.settled_at_ms / 1000.0, 'unixepoch'), d.replay
    FROM
      (
        SELECT
          q.delivery, q.route, q.state, NULL AS reason, q.wait_reason, q.due_at_ms, q.attempts,
          q.order_key, q.generation, q.created_at_ms, NULL AS settled_at_ms, q.replay
        FROM
          lanes AS w
          CROSS JOIN unsettled AS q ON q.lane = w.key AND q.delivery BETWEEN ?1 AND ?1 | 65535
        UNION ALL
        SELECT
          delivery, route, state, reason, NULL, NULL, attempts, order_key, generation,
          created_at_ms, settled_at_ms, replay
        FROM settled
        WHERE delivery BETWEEN ?1 AND ?1 | 65535
      ) AS d
      JOIN events AS e ON e.sequence = d.delivery >> 16
      JOIN routes AS r ON r.key = d.route
      JOIN modules AS m ON m.key = r.module
      JOIN node AS n ON n.id = 1
    ORDER BY d.delivery
    """
}
