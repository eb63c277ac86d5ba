/// What retention asks and deletes. Everything is found by a key or an index, and nothing begins at
/// the oldest event twice; `QueryPlanTests` asserts the former.
extension SQL {
  /// Primary keys: the log from a place on, with the module of each event.
  package static let eventsInOrder = """
    SELECT e.sequence, e.accepted_at_ms, s.module
    FROM events AS e CROSS JOIN sources AS s ON s.key = e.source
    WHERE e.sequence > ?1
    ORDER BY e.sequence
    LIMIT ?2
    """

  /// Index kept_events_time.
  package static let keptEventsDue = """
    SELECT sequence FROM kept_events INDEXED BY kept_events_time
    WHERE look_at_ms <= ?1
    ORDER BY look_at_ms
    LIMIT ?2
    """

  /// Primary keys, and index inbox_delivery.
  package static let oldEvent = """
    SELECT
      e.accepted_at_ms, e.deliveries, e.source, e.external_id, e.dedup_key,
      coalesce(m.event_retention_ms, ?2), coalesce(m.dead_letter_retention_ms, ?3),
      EXISTS (
        SELECT 1 FROM inbox INDEXED BY inbox_delivery
        WHERE delivery BETWEEN ?1 << 16 AND ?1 << 16 | 65535 AND state = 'pending'
      )
    FROM events AS e
      CROSS JOIN sources AS s ON s.key = e.source
      CROSS JOIN modules AS m ON m.key = s.module
    WHERE e.sequence = ?1
    """

  /// Primary key: a range of one event's deliveries.
  package static let oldDeliveries = """
    SELECT
      count(*), max(settled_at_ms), max(CASE WHEN state = 'dead' THEN settled_at_ms END),
      total(state = 'dead'), total(attempts)
    FROM settled
    WHERE delivery BETWEEN ?1 << 16 AND ?1 << 16 | 65535
    """

  /// Primary key.
  package static let keepEvent = """
    INSERT OR REPLACE INTO kept_events (sequence, look_at_ms) VALUES (?1, ?2)
    """

  /// What belongs to a range of deliveries: by primary key, or by the index on the delivery.
  package static let forgetDeliveries = [
    "DELETE FROM attempts WHERE delivery BETWEEN ?1 AND ?2",
    "DELETE FROM settled WHERE delivery BETWEEN ?1 AND ?2",
    "DELETE FROM transformed WHERE delivery BETWEEN ?1 AND ?2",
    "DELETE FROM audit WHERE delivery BETWEEN ?1 AND ?2",
    "DELETE FROM inbox WHERE delivery BETWEEN ?1 AND ?2",
    "DELETE FROM released WHERE delivery BETWEEN ?1 AND ?2",
    "DELETE FROM held_keys WHERE delivery BETWEEN ?1 AND ?2",
  ]

  /// Primary keys.
  package static let forgetEvents = [
    "DELETE FROM events WHERE sequence BETWEEN ?1 AND ?2",
    "DELETE FROM kept_events WHERE sequence BETWEEN ?1 AND ?2",
  ]

  /// Primary key (source, key).
  package static let forgetDedupKey = """
    DELETE FROM dedup_keys WHERE source = ?1 AND key = ?2 AND sequence = ?3
    """

  /// Primary key.
  package static let forgetExternalID = """
    DELETE FROM external_ids WHERE id = ?1 AND sequence = ?2
    """

  /// Index delivered_keys_expiry.
  package static let forgetDeliveredKeys = """
    DELETE FROM delivered_keys
    WHERE (route, transform, hash) IN (
      SELECT route, transform, hash FROM delivered_keys INDEXED BY delivered_keys_expiry
      WHERE expires_at_ms <= ?1
      LIMIT ?2
    )
    """

  /// Primary key (source, from_ms).
  package static let forgetCoverage = """
    DELETE FROM coverage
    WHERE (source, from_ms) IN (
      SELECT c.source, c.from_ms
      FROM modules AS m
        CROSS JOIN sources AS s ON s.module = m.key
        CROSS JOIN coverage AS c
          ON c.source = s.key AND c.from_ms < ?1 - coalesce(m.event_retention_ms, ?3)
      WHERE c.to_ms < ?1 - coalesce(m.event_retention_ms, ?3)
      LIMIT ?2
    )
    """

  /// A pass over the replays of one retention time: as many as operators have begun.
  package static let forgetReplays = """
    DELETE FROM replays
    WHERE id IN (SELECT id FROM replays WHERE started_at_ms < ?1 LIMIT ?2)
    """

  /// Index logs_time.
  package static let forgetLogs = """
    DELETE FROM logs
    WHERE entry IN (
      SELECT entry FROM logs INDEXED BY logs_time WHERE timestamp_ms < ?1 LIMIT ?2
    )
    """
}
