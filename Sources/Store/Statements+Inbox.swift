/// What the inbox asks of the file.
extension SQL {
  /// Unique (delivery): one that expired and was requeued is stored again.
  package static let insertInbox = """
    INSERT INTO inbox
      (module, session_key, delivery, state, stored_at_ms, expires_at_ms, batch_max)
    VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6)
    ON CONFLICT (delivery) DO UPDATE SET
      module = excluded.module, session_key = excluded.session_key, state = 'pending',
      batch = NULL, stored_at_ms = excluded.stored_at_ms, expires_at_ms = excluded.expires_at_ms,
      batch_max = excluded.batch_max
    """

  /// Primary key (module, session_key).
  package static let keepInboxKey = """
    INSERT INTO inbox_keys (module, session_key, route, batch_max) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (module, session_key) DO UPDATE SET
      route = excluded.route, batch_max = excluded.batch_max
    """

  /// Primary key (module, session_key).
  package static let keepInboxKeyIfMissing = """
    INSERT OR IGNORE INTO inbox_keys (module, session_key, route, batch_max)
    VALUES (?1, ?2, ?3, ?4)
    """

  /// Primary keys; unique (module, id) of sources.
  package static let inboxKey = """
    SELECT k.route, k.notification, r.lane, m.name, m.generation, s.key
    FROM inbox_keys AS k
      CROSS JOIN routes AS r ON r.key = k.route
      CROSS JOIN modules AS m ON m.key = k.module
      CROSS JOIN sources AS s ON s.module = k.module AND s.id = 'orgloop'
    WHERE k.module = ?1 AND k.session_key = ?2
    """

  /// Primary key (module, session_key).
  package static let markNotified = """
    UPDATE inbox_keys SET notification = ?3 WHERE module = ?1 AND session_key = ?2
    """

  /// Partial index inbox_pending.
  package static let countInbox = """
    SELECT count(*) FROM inbox INDEXED BY inbox_pending
    WHERE module = ?1 AND session_key = ?2 AND state = 'pending' AND expires_at_ms > ?3
    """

  /// Partial index inbox_pending; primary key.
  package static let oldestInbox = """
    SELECT e.accepted_at_ms
    FROM inbox AS i INDEXED BY inbox_pending
      CROSS JOIN events AS e ON e.sequence = i.delivery >> 16
    WHERE i.module = ?1 AND i.session_key = ?2 AND i.state = 'pending' AND i.expires_at_ms > ?3
    ORDER BY i.entry
    LIMIT 1
    """

  /// Partial index inbox_pending, newest first; primary keys.
  package static let newestInbox = """
    SELECT i.delivery, e.trace, e.accepted_at_ms, s.id = 'orgloop'
    FROM inbox AS i INDEXED BY inbox_pending
      CROSS JOIN events AS e ON e.sequence = i.delivery >> 16
      CROSS JOIN sources AS s ON s.key = e.source
    WHERE i.module = ?1 AND i.session_key = ?2 AND i.state = 'pending' AND i.expires_at_ms > ?3
    ORDER BY i.entry DESC
    LIMIT 1
    """

  /// Primary key (module, session_key), once for each module.
  package static let modulesOfKey = """
    SELECT m.key, m.name, k.batch_max
    FROM modules AS m CROSS JOIN inbox_keys AS k ON k.module = m.key AND k.session_key = ?1
    WHERE ?2 IS NULL OR m.name = ?2 OR m.alias = ?2
    ORDER BY m.name
    """

  /// Partial index inbox_pending, oldest first; primary keys. The size is that of the envelope; its
  /// own members have no more than a KiB.
  package static let pendingInbox = """
    SELECT
      i.entry, i.delivery,
      coalesce(
        length(CAST(t.event AS BLOB)),
        length(CAST(e.payload AS BLOB)) + length(CAST(e.provenance AS BLOB))
          + coalesce(length(CAST(e.extra AS BLOB)), 0)
      ) + 1024
    FROM inbox AS i INDEXED BY inbox_pending
      CROSS JOIN events AS e ON e.sequence = i.delivery >> 16
      LEFT JOIN transformed AS t ON t.delivery = i.delivery
    WHERE i.module = ?1 AND i.session_key = ?2 AND i.state = 'pending' AND i.expires_at_ms > ?4
    ORDER BY i.entry
    LIMIT ?3
    """

  /// Primary keys. Only for readers: the view uses functions that the writer trusts no schema with.
  package static let inboxEvent = """
    SELECT coalesce(
      (SELECT event FROM transformed WHERE delivery = ?1),
      (SELECT event FROM v_events WHERE sequence = ?1 >> 16)
    )
    """

  /// Primary key.
  package static let markDrained = """
    UPDATE inbox SET state = 'drained', batch = ?2 WHERE entry = ?1
    """

  /// Primary key; partial index inbox_pending.
  package static let forgetInboxKey = """
    DELETE FROM inbox_keys
    WHERE module = ?1 AND session_key = ?2
      AND NOT EXISTS (
        SELECT 1 FROM inbox INDEXED BY inbox_pending
        WHERE module = ?1 AND session_key = ?2 AND state = 'pending'
      )
    """

  /// Partial index inbox_batch; primary key of settled.
  package static let inboxOfBatch = """
    SELECT i.entry, i.module, i.session_key, s.route, i.batch_max
    FROM inbox AS i CROSS JOIN settled AS s ON s.delivery = i.delivery
    WHERE i.batch = ?1 AND i.state = 'drained'
    ORDER BY i.entry
    """

  /// Primary key.
  package static let restoreInbox = """
    UPDATE inbox
    SET
      state = 'pending', batch = NULL, expires_at_ms = ?2 + expires_at_ms - stored_at_ms,
      stored_at_ms = ?2
    WHERE entry = ?1
    """

  /// Partial index inbox_expiring; primary key of modules.
  package static let expiredInbox = """
    SELECT i.entry, i.delivery, i.module, m.name, i.session_key
    FROM inbox AS i INDEXED BY inbox_expiring CROSS JOIN modules AS m ON m.key = i.module
    WHERE i.state = 'pending' AND i.expires_at_ms <= ?1
    LIMIT ?2
    """

  /// Partial index inbox_pending.
  package static let expiredInboxOfKey = """
    SELECT entry, delivery FROM inbox INDEXED BY inbox_pending
    WHERE module = ?1 AND session_key = ?2 AND state = 'pending' AND expires_at_ms <= ?3
    LIMIT 1000
    """

  /// Primary keys; partial index inbox_pending. A row when the last notification is settled, or gone,
  /// and as old as the oldest entry may become.
  package static let isReminderDue = """
    SELECT 1
    FROM inbox_keys AS k
      LEFT JOIN events AS e ON e.sequence = k.notification >> 16
    WHERE k.module = ?1 AND k.session_key = ?2
      AND (
        e.sequence IS NULL
        OR (
          EXISTS (SELECT 1 FROM settled WHERE delivery = k.notification)
          AND ?3 - e.accepted_at_ms >= (
            SELECT i.expires_at_ms - i.stored_at_ms FROM inbox AS i INDEXED BY inbox_pending
            WHERE i.module = ?1 AND i.session_key = ?2 AND i.state = 'pending'
            ORDER BY i.entry
            LIMIT 1
          )
        )
      )
    """

  /// Primary key. The one outcome that changes by itself: until it was collected, nobody had it.
  package static let dropExpired = """
    UPDATE settled SET state = 'dropped', reason = 'expired', settled_at_ms = ?2
    WHERE delivery = ?1 AND state = 'delivered' AND reason = 'inbox'
    """

  /// Partial index inbox_pending.
  package static let inboxKeys = """
    SELECT m.name, i.session_key, count(*)
    FROM inbox AS i INDEXED BY inbox_pending CROSS JOIN modules AS m ON m.key = i.module
    WHERE i.state = 'pending' AND (?1 IS NULL OR i.session_key = ?1)
      AND (?2 IS NULL OR m.name = ?2 OR m.alias = ?2)
    GROUP BY i.module, i.session_key
    ORDER BY m.name, i.session_key
    LIMIT ?3
    """

  /// Partial index inbox_expiring.
  package static let nextInboxExpiry = """
    SELECT min(expires_at_ms) FROM inbox INDEXED BY inbox_expiring WHERE state = 'pending'
    """
}
