/// The statements that keep queues to their bounds.
extension SQL {
  /// A range of one lane, up to a limit, with primary keys for what the routes' state is; and
  /// whether anything of it is parked because it was full, by the partial index queue_overflow.
  package static let countQueued = """
    SELECT
      (
        SELECT count(*)
        FROM (
          SELECT 1 FROM unsettled
          WHERE lane = ?1 AND state IN ('pending', 'waiting')
          LIMIT ?2
        )
      ),
      EXISTS (
        SELECT 1 FROM queue INDEXED BY queue_overflow
        WHERE lane = ?1 AND state = 3 AND wait_reason = 'overflow'
      )
    """

  /// A range of one lane, from where the last one was found.
  package static let oldestQueued = """
    SELECT u.delivery, u.route, u.order_key, e.accepted_at_ms
    FROM unsettled AS u JOIN events AS e ON e.sequence = u.delivery >> 16
    WHERE u.lane = ?1 AND u.delivery > ?2 AND u.state IN ('pending', 'waiting')
    ORDER BY u.delivery
    LIMIT 1
    """

  /// Primary keys. One that runs stays: its attempt says how it ends.
  package static let dropQueued = """
    INSERT INTO settled (
      delivery, lane, route, generation, state, reason, attempts, settled_at_ms, order_key,
      created_at_ms, replay
    )
    SELECT delivery, lane, route, generation, 'dropped', ?4, attempts, ?3, order_key,
      created_at_ms, replay
    FROM queue
    WHERE lane = ?1 AND delivery = ?2
      AND NOT EXISTS (SELECT 1 FROM running WHERE delivery = ?2)
    """

  /// Partial index queue_overflow, then primary keys.
  package static let promote = """
    UPDATE queue
    SET state = 0, wait_reason = NULL
    WHERE lane = ?1 AND delivery IN (
      SELECT delivery FROM queue INDEXED BY queue_overflow
      WHERE lane = ?1 AND state = 3 AND wait_reason = 'overflow'
      ORDER BY delivery
      LIMIT ?2
    )
    RETURNING delivery
    """
}
