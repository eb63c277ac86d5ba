/// What requeue, drop and replay ask and write. Each finds its rows by a key; `LetterPlanTests`
/// asserts that it does.
extension SQL {
  /// Appends or inserts by the primary key (lane, delivery).
  package static let enqueueAgain = """
    INSERT INTO queue (
      lane, delivery, route, generation, attempts, attempts_before, order_key, created_at_ms, replay
    )
    VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)
    """

  /// Primary key.
  package static let laneOfRoute = "SELECT lane FROM routes WHERE key = ?1"

  /// Primary key.
  package static let letter = """
    SELECT lane, route, generation, state, attempts, order_key, created_at_ms, replay
    FROM settled
    WHERE delivery = ?1
    """

  /// Primary key; the partial index settled_failed follows.
  package static let takeLetter = "DELETE FROM settled WHERE delivery = ?1"

  /// Primary key; the partial index settled_failed follows.
  package static let dropLetter = """
    UPDATE settled SET state = 'dropped', reason = 'operator', settled_at_ms = ?2
    WHERE delivery = ?1
    """

  /// Primary key.
  package static let forgetTransformed = "DELETE FROM transformed WHERE delivery = ?1"

  /// By lane, because the queue's key begins with it.
  package static let unsettledState = """
    SELECT q.lane, q.state = 3, u.state, q.route, q.order_key
    FROM lanes AS w
      CROSS JOIN queue AS q ON q.lane = w.key AND q.delivery = ?1
      CROSS JOIN unsettled AS u ON u.lane = q.lane AND u.delivery = q.delivery
    """

  /// Primary key (lane, delivery).
  package static let unpark = """
    UPDATE queue
    SET state = 0, due_at_ms = NULL, wait_reason = NULL, attempts_before = attempts
    WHERE lane = ?1 AND delivery = ?2 AND state = 3
    """

  /// Primary key; no row when the event has no room for so many deliveries.
  package static let addDeliveries = """
    UPDATE events SET deliveries = deliveries + ?2
    WHERE sequence = ?1 AND deliveries + ?2 <= 65536
    RETURNING deliveries, accepted_at_ms
    """

  /// Primary key. No row changes when somebody else has taken the replay further meanwhile.
  package static let advanceReplay = """
    UPDATE replays
    SET reached = ?3, events = events + ?4, deliveries = deliveries + ?5, done_at_ms = ?6
    WHERE id = ?1 AND reached = ?2 AND done_at_ms IS NULL
    """

  /// Primary key: the range of one event.
  package static let pastDeliveries = """
    SELECT delivery, route, lane, state, order_key, generation
    FROM settled
    WHERE delivery BETWEEN ?1 AND ?1 | 65535
    """

  /// By lane, because the queue's key begins with it; asked only of events that are not settled.
  package static let queuedDeliveries = """
    SELECT q.delivery, q.route, q.lane, 'unsettled', q.order_key, q.generation
    FROM lanes AS w CROSS JOIN queue AS q ON q.lane = w.key
      AND q.delivery BETWEEN ?1 AND ?1 | 65535
    """
}
