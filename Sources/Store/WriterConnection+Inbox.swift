/// The inbox (config.md 8): entries are rows, and what tells an actor of them is an ordinary
/// delivery, made in the transaction that stores the first of them. So a crash between the two
/// cannot be, and a notification is retried, held up and explained as any other delivery.
extension WriterConnection {
  // MARK: Storing

  /// Stores what a delivery was settled into.
  ///
  /// - Returns: The receipt of the notification, when one was made; its notice has the event.
  func store(_ entry: InboxEntry, of record: SettleRecord) throws(StoreError) -> AcceptReceipt? {
    let owner = try connection.prepare("SELECT module FROM routes WHERE key = ?1")
    owner.bind(1, record.route)
    guard try owner.step(doing: "find the module of a route") else { return nil }
    let module = owner.int64(0)
    let insert = try connection.prepare(SQL.insertInbox)
    insert.bind(1, module)
    insert.bind(2, entry.sessionKey)
    insert.bind(3, record.start.delivery)
    insert.bind(4, record.endedAtMs)
    insert.bind(5, entry.expiresAtMs)
    try insert.run(doing: "store an inbox entry")
    try keepKey(
      module, entry.sessionKey, route: record.route, batchMax: entry.batchMax)
    return try notify(module, entry.sessionKey, nowMs: record.endedAtMs, entry.notice)
  }

  private func keepKey(
    _ module: Int64, _ sessionKey: String, route: Int64, batchMax: Int
  ) throws(StoreError) {
    let upsert = try connection.prepare(SQL.keepInboxKey)
    upsert.bind(1, module)
    upsert.bind(2, sessionKey)
    upsert.bind(3, route)
    upsert.bind(4, batchMax)
    try upsert.run(doing: "store an inbox key")
  }

  // MARK: Telling

  /// Tells the actor of a key's newest route, unless it has been told and has not collected since.
  private func notify(
    _ module: Int64, _ sessionKey: String, nowMs: Int64, _ notice: InboxNotice
  ) throws(StoreError) -> AcceptReceipt? {
    let key = try connection.prepare(SQL.inboxKey)
    key.bind(1, module)
    key.bind(2, sessionKey)
    guard try key.step(doing: "read an inbox key") else { return nil }
    if let told = key.optionalInt64(1), try isOutstanding(told) { return nil }
    let (route, generation) = (key.int64(0), key.int64(4))
    guard let lane = key.optionalInt64(2),
      let state = try state(of: sessionKey, in: module, named: key.text(3))
    else { return nil }
    let text = notice(state)
    let record = AcceptRecord(
      source: key.int64(5), acceptedAtMs: nowMs, type: 2, generation: generation,
      provenance: text.provenance, payload: text.payload,
      deliveries: [DeliveryRecord(lane: lane, route: route, generation: generation)])
    guard let receipt = try accept(AcceptBatch(records: [record])).first else { return nil }
    let mark = try connection.prepare(SQL.markNotified)
    mark.bind(1, module)
    mark.bind(2, sessionKey)
    mark.bind(3, receipt.sequence << 16)
    try mark.run(doing: "note a notification")
    return AcceptReceipt(
      sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs, isDuplicate: false,
      externalID: nil, traceID: nil, lanes: receipt.lanes ?? [lane],
      notice: AcceptNotice(
        loop: nil, dropped: [:],
        alarms: [(Alarm(record: record, context: state), receipt)]))
  }

  /// Whether a notification is on its way, or has arrived. One that ended otherwise has told nobody.
  private func isOutstanding(_ delivery: Int64) throws(StoreError) -> Bool {
    let end = try connection.prepare(
      """
      SELECT state = 'delivered' FROM settled WHERE delivery = ?1
      UNION ALL
      SELECT 1 FROM events WHERE sequence = ?1 >> 16
        AND NOT EXISTS (SELECT 1 FROM settled WHERE delivery = ?1)
      """)
    end.bind(1, delivery)
    return try end.step(doing: "look for a notification") ? end.int(0) != 0 : false
  }

  /// Nil when nothing waits.
  private func state(
    of sessionKey: String, in module: Int64, named name: String
  ) throws(StoreError) -> InboxKeyState? {
    let query = try connection.prepare(SQL.inboxState)
    query.bind(1, module)
    query.bind(2, sessionKey)
    guard try query.step(doing: "read the inbox"), query.int(0) > 0 else { return nil }
    return InboxKeyState(
      module: name, sessionKey: sessionKey, pending: query.int(0), oldestMs: query.int64(1))
  }

  // MARK: Collecting

  func drain(_ order: InboxOrder) throws(StoreError) -> InboxBatch {
    var batch = InboxBatch()
    let find = try connection.prepare(SQL.modulesOfKey)
    find.bind(1, order.sessionKey)
    find.bind(2, order.module)
    var owners: [(key: Int64, name: String, batchMax: Int)] = []
    while try find.step(doing: "find an inbox key") {
      owners.append((find.int64(0), find.text(1), find.int(2)))
    }
    guard let owner = owners.first else { return batch }
    guard owners.count == 1 else {
      batch.candidates = owners.map(\.name)
      return batch
    }
    batch.module = owner.name
    // What is over is over, whether somebody has noted it or not.
    while try expireInbox(nowMs: order.nowMs, limit: 1_000).count > 0 {}
    try take(order, of: owner.key, limit: min(order.limit, owner.batchMax), into: &batch)
    let left = try state(of: order.sessionKey, in: owner.key, named: owner.name)
    batch.remaining = left?.pending ?? 0
    if !batch.deliveries.isEmpty { try forgetNotification(owner.key, order.sessionKey) }
    if left != nil {
      let receipt = try notify(
        owner.key, order.sessionKey, nowMs: order.nowMs, order.notice)
      batch.notifiedLane = receipt?.lanes?.first
    }
    try forgetKey(owner.key, order.sessionKey)
    return batch
  }

  private func take(
    _ order: InboxOrder, of module: Int64, limit: Int, into batch: inout InboxBatch
  ) throws(StoreError) {
    let entries = try connection.prepare(SQL.pendingInbox)
    entries.bind(1, module)
    entries.bind(2, order.sessionKey)
    entries.bind(3, limit)
    let mark = try connection.prepare(SQL.markDrained)
    var (bytes, taken) = (0, [Int64]())
    while try entries.step(doing: "drain the inbox") {
      bytes += entries.int(2)
      guard taken.isEmpty || bytes <= InboxOrder.bytesMax else { break }
      batch.deliveries.append(entries.int64(1))
      taken.append(entries.int64(0))
    }
    entries.reset()
    for entry in taken {
      mark.bind(1, entry)
      mark.bind(2, order.batch)
      try mark.run(doing: "drain the inbox")
    }
  }

  private func forgetNotification(
    _ module: Int64, _ sessionKey: String
  ) throws(StoreError) {
    let mark = try connection.prepare(SQL.markNotified)
    mark.bind(1, module)
    mark.bind(2, sessionKey)
    mark.bind(3, nil as Int64?)
    try mark.run(doing: "note that an inbox was drained")
  }

  /// Keys are as many as sessions; one under which nothing waits is not kept.
  private func forgetKey(_ module: Int64, _ sessionKey: String) throws(StoreError) {
    let forget = try connection.prepare(SQL.forgetInboxKey)
    forget.bind(1, module)
    forget.bind(2, sessionKey)
    try forget.run(doing: "forget an inbox key")
  }

  // MARK: Putting back, and the end

  func restore(
    batch: String, nowMs: Int64, _ notice: InboxNotice
  ) throws(StoreError) -> (count: Int, lanes: [Int64]) {
    let find = try connection.prepare(SQL.inboxOfBatch)
    find.bind(1, batch)
    var entries: [(entry: Int64, module: Int64, key: String, route: Int64)] = []
    while try find.step(doing: "find a batch") {
      entries.append((find.int64(0), find.int64(1), find.text(2), find.int64(3)))
    }
    let restore = try connection.prepare(SQL.restoreInbox)
    for entry in entries {
      restore.bind(1, entry.entry)
      restore.bind(2, nowMs)
      try restore.run(doing: "put inbox entries back")
    }
    // A batch is of one key.
    guard let last = entries.last else { return (0, []) }
    let keep = try connection.prepare(SQL.keepInboxKeyIfMissing)
    keep.bind(1, last.module)
    keep.bind(2, last.key)
    keep.bind(3, last.route)
    try keep.run(doing: "store an inbox key")
    let receipt = try notify(last.module, last.key, nowMs: nowMs, notice)
    return (entries.count, receipt?.lanes ?? [])
  }

  func expireInbox(nowMs: Int64, limit: Int) throws(StoreError) -> [InboxExpiry] {
    let find = try connection.prepare(SQL.expiredInbox)
    find.bind(1, nowMs)
    find.bind(2, limit)
    struct Key: Hashable {
      let module: Int64
      let name: String
      let sessionKey: String
    }
    var counts: [Key: Int] = [:]
    var expired: [(entry: Int64, delivery: Int64)] = []
    while try find.step(doing: "look for expired inbox entries") {
      expired.append((find.int64(0), find.int64(1)))
      counts[
        Key(module: find.int64(2), name: find.text(3), sessionKey: find.text(4)), default: 0] += 1
    }
    guard !expired.isEmpty else { return [] }
    let mark = try connection.prepare("UPDATE inbox SET state = 'expired' WHERE entry = ?1")
    let drop = try connection.prepare(SQL.dropExpired)
    for (entry, delivery) in expired {
      mark.bind(1, entry)
      try mark.run(doing: "expire an inbox entry")
      drop.bind(1, delivery)
      drop.bind(2, nowMs)
      try drop.run(doing: "expire an inbox entry")
    }
    for key in counts.keys { try forgetKey(key.module, key.sessionKey) }
    return counts.map { InboxExpiry(module: $0.name, sessionKey: $0.sessionKey, count: $1) }
      .sorted { ($0.module, $0.sessionKey) < ($1.module, $1.sessionKey) }
  }
}

extension SQL {
  /// Unique (delivery): one that expired and was requeued is stored again.
  package static let insertInbox = """
    INSERT INTO inbox (module, session_key, delivery, state, stored_at_ms, expires_at_ms)
    VALUES (?1, ?2, ?3, 'pending', ?4, ?5)
    ON CONFLICT (delivery) DO UPDATE SET
      module = excluded.module, session_key = excluded.session_key, state = 'pending',
      batch = NULL, stored_at_ms = excluded.stored_at_ms, expires_at_ms = excluded.expires_at_ms
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
    VALUES (?1, ?2, ?3, 100)
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
  package static let inboxState = """
    SELECT
      count(*),
      (
        SELECT e.accepted_at_ms
        FROM inbox AS o INDEXED BY inbox_pending
          CROSS JOIN events AS e ON e.sequence = o.delivery >> 16
        WHERE o.module = ?1 AND o.session_key = ?2 AND o.state = 'pending'
        ORDER BY o.entry
        LIMIT 1
      )
    FROM inbox INDEXED BY inbox_pending
    WHERE module = ?1 AND session_key = ?2 AND state = 'pending'
    """

  /// Primary key (module, session_key), once for each module.
  package static let modulesOfKey = """
    SELECT m.key, m.name, k.batch_max
    FROM modules AS m CROSS JOIN inbox_keys AS k ON k.module = m.key AND k.session_key = ?1
    WHERE ?2 IS NULL OR m.name = ?2 OR m.alias = ?2
    ORDER BY m.name
    """

  /// Partial index inbox_pending, oldest first; primary keys.
  package static let pendingInbox = """
    SELECT i.entry, i.delivery, length(e.payload) + coalesce(length(t.event), 0)
    FROM inbox AS i INDEXED BY inbox_pending
      CROSS JOIN events AS e ON e.sequence = i.delivery >> 16
      LEFT JOIN transformed AS t ON t.delivery = i.delivery
    WHERE i.module = ?1 AND i.session_key = ?2 AND i.state = 'pending'
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
    SELECT i.entry, i.module, i.session_key, s.route
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
