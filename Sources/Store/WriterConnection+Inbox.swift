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
    insert.bind(6, entry.batchMax)
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
    if let told = key.optionalInt64(1), try isOutstanding(told, nowMs: nowMs) { return nil }
    let (route, generation) = (key.int64(0), key.int64(4))
    guard let lane = key.optionalInt64(2),
      let state = try state(
        of: sessionKey, in: module, named: key.text(3), route: route, nowMs: nowMs)
    else { return nil }
    let tidings = notice(state)
    // What the actor does now follows from the entry, so it is of the entry's trace: a loop that
    // goes through an inbox is one loop.
    var record = AcceptRecord(
      source: key.int64(5), acceptedAtMs: nowMs, type: 2, generation: generation,
      provenance: tidings.provenance, payload: tidings.payload, traceID: state.traceID,
      cause: state.delivery,
      deliveries: [
        DeliveryRecord(lane: lane, route: route, generation: generation, budget: tidings.budget)
      ])
    record.loop = .onlyIfBroken
    record.budgetAlarm = tidings.budgetAlarm
    guard let receipt = try accept(AcceptBatch(records: [record])).first else { return nil }
    let mark = try connection.prepare(SQL.markNotified)
    mark.bind(1, module)
    mark.bind(2, sessionKey)
    mark.bind(3, receipt.sequence << 16)
    try mark.run(doing: "note a notification")
    return AcceptReceipt(
      sequence: receipt.sequence, acceptedAtMs: receipt.acceptedAtMs, isDuplicate: false,
      externalID: nil, traceID: state.traceID,
      lanes: (receipt.lanes ?? [lane])
        + (receipt.notice?.alarms ?? []).flatMap { alarm, receipt in
          receipt.lanes ?? alarm.record.deliveries.map(\.lane)
        },
      notice: AcceptNotice(
        loop: nil, dropped: [:],
        alarms: [(Alarm(record: record, context: state), receipt)]))
  }

  /// Whether a notification is on its way, or has arrived. One that ended otherwise has told nobody;
  /// one that a guard has stopped is not followed by another for a minute, so that each entry does
  /// not make one that is stopped too.
  private func isOutstanding(_ delivery: Int64, nowMs: Int64) throws(StoreError) -> Bool {
    let end = try connection.prepare(
      """
      SELECT state = 'delivered' OR (reason IN ('loop', 'budget') AND settled_at_ms > ?2 - 60000)
      FROM settled WHERE delivery = ?1
      UNION ALL
      SELECT 1 FROM events WHERE sequence = ?1 >> 16
        AND NOT EXISTS (SELECT 1 FROM settled WHERE delivery = ?1)
      """)
    end.bind(1, delivery)
    end.bind(2, nowMs)
    return try end.step(doing: "look for a notification") ? end.int(0) != 0 : false
  }

  /// Nil when nothing waits whose time is not over.
  private func state(
    of sessionKey: String, in module: Int64, named name: String, route: Int64, nowMs: Int64
  ) throws(StoreError) -> InboxKeyState? {
    let pending = try pending(module, sessionKey, nowMs: nowMs)
    guard pending > 0 else { return nil }
    let oldest = try connection.prepare(SQL.oldestInbox)
    oldest.bind(1, module)
    oldest.bind(2, sessionKey)
    oldest.bind(3, nowMs)
    let newest = try connection.prepare(SQL.newestInbox)
    newest.bind(1, module)
    newest.bind(2, sessionKey)
    newest.bind(3, nowMs)
    guard try oldest.step(doing: "read the inbox"), try newest.step(doing: "read the inbox") else {
      return nil
    }
    let delivery = newest.int64(0)
    return InboxKeyState(
      module: name, sessionKey: sessionKey, route: route, nowMs: nowMs, pending: pending,
      oldestMs: oldest.int64(0), delivery: delivery,
      traceID: newest.optionalText(1)
        ?? identity.traceID(sequence: delivery >> 16, acceptedAtMs: newest.int64(2)),
      isOfSystemEvent: newest.int(3) != 0)
  }

  private func pending(
    _ module: Int64, _ sessionKey: String, nowMs: Int64
  ) throws(StoreError) -> Int {
    let query = try connection.prepare(SQL.countInbox)
    query.bind(1, module)
    query.bind(2, sessionKey)
    query.bind(3, nowMs)
    return try query.step(doing: "read the inbox") ? query.int(0) : 0
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
    batch.expired = try expireSome(owner.key, order.sessionKey, nowMs: order.nowMs)
    try take(order, of: owner.key, limit: min(order.limit, owner.batchMax), into: &batch)
    batch.remaining = try pending(owner.key, order.sessionKey, nowMs: order.nowMs)
    if !batch.deliveries.isEmpty { try forgetNotification(owner.key, order.sessionKey) }
    if batch.remaining > 0 {
      let receipt = try notify(
        owner.key, order.sessionKey, nowMs: order.nowMs, order.notice)
      batch.lanes = receipt?.lanes ?? []
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
    entries.bind(4, order.nowMs)
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
    var entries: [(entry: Int64, module: Int64, key: String, route: Int64, batchMax: Int)] = []
    while try find.step(doing: "find a batch") {
      entries.append(
        (find.int64(0), find.int64(1), find.text(2), find.int64(3), find.int(4)))
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
    keep.bind(4, last.batchMax)
    try keep.run(doing: "store an inbox key")
    let receipt = try notify(last.module, last.key, nowMs: nowMs, notice)
    return (entries.count, receipt?.lanes ?? [])
  }

  func expireInbox(
    nowMs: Int64, limit: Int, _ notice: InboxNotice
  ) throws(StoreError) -> (keys: [InboxExpiry], lanes: [Int64]) {
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
    try expire(expired, nowMs: nowMs)
    var lanes: [Int64] = []
    for key in counts.keys {
      lanes += try remind(key.module, key.sessionKey, nowMs: nowMs, notice)
      try forgetKey(key.module, key.sessionKey)
    }
    let keys = counts.map {
      InboxExpiry(module: $0.name, sessionKey: $0.sessionKey, count: $1)
    }
    return (keys.sorted { ($0.module, $0.sessionKey) < ($1.module, $1.sessionKey) }, lanes)
  }

  /// Ends entries of one key whose time is over; more than that are passed over by whoever looks,
  /// until their turn comes.
  private func expireSome(
    _ module: Int64, _ sessionKey: String, nowMs: Int64
  ) throws(StoreError) -> Int {
    let find = try connection.prepare(SQL.expiredInboxOfKey)
    find.bind(1, module)
    find.bind(2, sessionKey)
    find.bind(3, nowMs)
    var expired: [(entry: Int64, delivery: Int64)] = []
    while try find.step(doing: "look for expired inbox entries") {
      expired.append((find.int64(0), find.int64(1)))
    }
    try expire(expired, nowMs: nowMs)
    return expired.count
  }

  private func expire(
    _ entries: [(entry: Int64, delivery: Int64)], nowMs: Int64
  ) throws(StoreError) {
    let mark = try connection.prepare("UPDATE inbox SET state = 'expired' WHERE entry = ?1")
    let drop = try connection.prepare(SQL.dropExpired)
    for (entry, delivery) in entries {
      mark.bind(1, entry)
      try mark.run(doing: "expire an inbox entry")
      drop.bind(1, delivery)
      drop.bind(2, nowMs)
      try drop.run(doing: "expire an inbox entry")
    }
  }

  /// An actor that was told and has let entries expire is told of the others once more, but not
  /// more often than entries last.
  private func remind(
    _ module: Int64, _ sessionKey: String, nowMs: Int64, _ notice: InboxNotice
  ) throws(StoreError) -> [Int64] {
    let due = try connection.prepare(SQL.isReminderDue)
    due.bind(1, module)
    due.bind(2, sessionKey)
    due.bind(3, nowMs)
    guard try due.step(doing: "look for a notification") else { return [] }
    due.reset()
    try forgetNotification(module, sessionKey)
    return try notify(module, sessionKey, nowMs: nowMs, notice)?.lanes ?? []
  }
}
