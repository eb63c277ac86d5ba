/// The connection that writes, with its statements prepared once. Lives on the writer's thread.
final class WriterConnection {
  let connection: Connection
  let identity: Identity
  let statements: WriterStatements
  /// Nil until old events are deleted for the first time.
  var retention: RetentionStatements?
  /// Nil until a delivery comes through a dedup transform.
  var dedup: DedupStatements?

  let hooks: QueueHooks

  /// The number of the newest event that is committed, and of the newest in this transaction.
  private(set) var committedSequence: Int64
  private var sequence: Int64
  /// Events per source of this transaction, so that a group writes each source's row once.
  private var sourceCounts: [Int64: (count: Int, lastMs: Int64)] = [:]
  /// The lanes of routes that have moved since the file was opened. What was routed before, and is
  /// only committed now, goes there too.
  private var movedRoutes: [Int64: Int64] = [:]
  var fill = QueueFill()
  /// Of the operation that is being written.
  var news = QueueNews()
  /// Where the deliveries of each route belong, by its newest registration; and those that this
  /// transaction says.
  private var homes: [Int64: Int64] = [:]
  private var newHomes: [Int64: Int64] = [:]

  init(
    _ connection: Connection, identity: Identity, hooks: QueueHooks = QueueHooks()
  ) throws(StoreError) {
    self.hooks = hooks
    self.connection = connection
    self.identity = identity
    statements = try WriterStatements(connection)
    let newest = try connection.integer(
      "SELECT max(sequence) FROM events", doing: "read the log's end")
    let reserved = try connection.text(
      "SELECT value FROM meta WHERE key = 'last_sequence'", doing: "read the log's end")
    committedSequence = max(newest ?? 0, reserved.flatMap { Int64($0) } ?? 0)
    sequence = committedSequence
  }

  /// 65,536: a delivery's number is its event's with 16 bits behind it.
  private static let deliveryCountMax = 1 << 16

  // MARK: Transactions

  /// Begins a group: the one write transaction of the file.
  func begin() throws(StoreError) {
    // A transaction that could not be rolled back would make every BEGIN fail from now on.
    endTransaction()
    sequence = committedSequence
    sourceCounts.removeAll(keepingCapacity: true)
    newHomes.removeAll(keepingCapacity: true)
    // IMMEDIATE: a read transaction that later writes would fail with SQLITE_BUSY_SNAPSHOT.
    // Source: <https://www.sqlite.org/isolation.html>
    try statements.begin.run(doing: "begin a transaction")
  }

  /// Makes the group durable. When it throws, the group must be rolled back.
  func commit() throws(StoreError) {
    for (source, counts) in sourceCounts {
      statements.countEvents.bind(1, source)
      statements.countEvents.bind(2, counts.count)
      statements.countEvents.bind(3, counts.lastMs)
      try statements.countEvents.run(doing: "count events")
    }
    try statements.commit.run(doing: "commit")
    committedSequence = sequence
    let blocking = fill.blocking
    if blocking != hooks.blockingLanes { hooks.blockingLanes = blocking }
    if !newHomes.isEmpty { homes.merge(newHomes) { _, new in new } }
  }

  /// Undoes the group, or what of it a failing commit has left.
  func rollback() {
    // Also where a commit that failed has been rolled back by SQLite itself.
    fill.forget()
    fill.reports.removeAll()
    endTransaction()
  }

  private func endTransaction() {
    guard connection.isInTransaction else { return }
    // A rollback that fails leaves what a crash would leave: the transaction never happened.
    try? statements.rollback.run(doing: "roll back")
  }

  // MARK: Accept

  /// Stores the events of a batch that are new, their deliveries, and the source's progress.
  ///
  /// - Returns: One receipt per record, in their order.
  func accept(_ batch: AcceptBatch) throws(StoreError) -> [AcceptReceipt] {
    var receipts: [AcceptReceipt] = []
    receipts.reserveCapacity(batch.records.count)
    for record in batch.records { receipts.append(try accept(record)) }
    if let progress = batch.progress { try save(progress) }
    if let change = batch.moduleState {
      try set(change)
      try countAnew()
    }
    if let lane = batch.enablesActorOfLane {
      try enableActor(ofLane: lane)
      try countAnew()
    }
    return receipts
  }

  /// - Parameter isReport: It tells of a full queue.
  func accept(
    _ record: AcceptRecord, isReport: Bool = false
  ) throws(StoreError) -> AcceptReceipt {
    let next = sequence + 1
    precondition(next < Identity.sequenceMax, "the event numbers of this file are used up")
    guard record.deliveries.count <= WriterConnection.deliveryCountMax else {
      throw StoreError(
        .constraint,
        "an event can have \(WriterConnection.deliveryCountMax) deliveries, not "
          + "\(record.deliveries.count)")
    }
    if let first = try firstCopy(of: record, claiming: next) { return first }
    sequence = next
    // Before the event is there: it counts itself.
    let judgement = try judge(record, sequence: next)
    statements.insertEvent.bind(1, next)
    statements.insertEvent.bind(2, record.acceptedAtMs)
    statements.insertEvent.bind(3, record.source)
    statements.insertEvent.bind(4, record.type)
    statements.insertEvent.bind(5, record.generation)
    statements.insertEvent.bind(6, record.deliveries.count)
    statements.insertEvent.bind(7, text: record.provenance)
    statements.insertEvent.bind(8, text: record.payload)
    // `{}` adds no member; the view that puts the envelope together counts on one.
    statements.insertEvent.bind(9, text: record.extra.flatMap { $0.count > 2 ? $0 : nil })
    statements.insertEvent.bind(10, record.externalID)
    statements.insertEvent.bind(11, record.traceID)
    statements.insertEvent.bind(12, record.dedupKey)
    statements.insertEvent.bind(13, record.cause)
    statements.insertEvent.bind(14, record.nonMatches)
    statements.insertEvent.bind(15, record.nonMatchesMore == 0 ? nil : record.nonMatchesMore)
    try statements.insertEvent.run(doing: "store an event")
    var overflows: [QueueOverflow] = []
    let lanes = try enqueue(
      record, sequence: next, dropped: judgement?.dropped, overflows: &overflows)
    let counts = sourceCounts[record.source] ?? (0, 0)
    sourceCounts[record.source] = (counts.count + 1, max(counts.lastMs, record.acceptedAtMs))
    if !overflows.isEmpty, !isReport { try report(overflows, nowMs: record.acceptedAtMs) }
    var notice: AcceptNotice?
    if let judgement {
      var alarms: [(alarm: Alarm, receipt: AcceptReceipt)] = []
      for alarm in judgement.alarms { alarms.append((alarm, try accept(alarm.record))) }
      notice = AcceptNotice(loop: judgement.loop, dropped: judgement.dropped, alarms: alarms)
    }
    return AcceptReceipt(
      sequence: next, acceptedAtMs: record.acceptedAtMs, isDuplicate: false,
      externalID: record.externalID, traceID: record.traceID, lanes: lanes, overflows: overflows,
      notice: notice)
  }

  /// - Parameter dropped: Reasons of those that end at once, by their place in the record.
  /// - Returns: As ``AcceptReceipt/lanes``.
  private func enqueue(
    _ record: AcceptRecord, sequence: Int64, dropped: [Int: String]?,
    overflows: inout [QueueOverflow]
  ) throws(StoreError) -> [Int64]? {
    let lanes = movedRoutes.isEmpty ? nil : record.deliveries.map { lane(of: $0) }
    for (ordinal, delivery) in record.deliveries.enumerated() {
      let (number, lane) = (sequence << 16 | Int64(ordinal), lanes?[ordinal] ?? delivery.lane)
      let orderKey = orderKey(of: delivery, record, sequence: sequence)
      var isParked = false
      var reason = dropped?[ordinal]
      if reason == nil {
        let admission = try admit(
          lane: lane, route: delivery.route, delivery: number,
          acceptedAtMs: record.acceptedAtMs, &overflows)
        isParked = admission == .parked
        if admission == .dropped { reason = "overflow" }
      }
      if let reason {
        try drop(
          delivery, number: number, lane: lane, orderKey: orderKey, reason: reason,
          atMs: record.acceptedAtMs)
        continue
      }
      statements.enqueue.bind(1, lane)
      statements.enqueue.bind(2, number)
      statements.enqueue.bind(3, delivery.route)
      statements.enqueue.bind(4, delivery.generation)
      statements.enqueue.bind(5, orderKey)
      statements.enqueue.bind(6, isParked ? 3 : 0)
      statements.enqueue.bind(7, isParked ? "overflow" : nil)
      try statements.enqueue.run(doing: "queue a delivery")
    }
    return lanes
  }

  /// Where a delivery goes, now that routes may have moved.
  func lane(of delivery: DeliveryRecord) -> Int64 {
    movedRoutes[delivery.route] ?? delivery.lane
  }

  private func orderKey(
    of delivery: DeliveryRecord, _ record: AcceptRecord, sequence: Int64
  ) -> String? {
    switch delivery.orderKey {
    case .none: nil
    case .text(let key): key
    case .traceID:
      record.traceID ?? identity.traceID(sequence: sequence, acceptedAtMs: record.acceptedAtMs)
    }
  }

  /// From here on a route's deliveries go to that lane, whatever their records say.
  func redirect(route: Int64, to lane: Int64) { movedRoutes[route] = lane }

  /// A route has been registered with its deliveries in that lane. While those that are elsewhere
  /// are still being moved there, what enters the queue must not get behind the move.
  func settle(route: Int64, in lane: Int64) { newHomes[route] = lane }

  /// The lane that a route was registered with since the file was opened.
  func home(of route: Int64) -> Int64? { newHomes[route] ?? homes[route] }

  /// Claims the event's own id and its dedup key; the receipt of the first copy when one of them
  /// was there before.
  private func firstCopy(
    of record: AcceptRecord, claiming sequence: Int64
  ) throws(StoreError) -> AcceptReceipt? {
    if let id = record.externalID {
      if let own = try ownEvent(id, record) { return own }
      statements.claimExternalID.bind(1, id)
      statements.claimExternalID.bind(2, sequence)
      try statements.claimExternalID.run(doing: "claim an id")
      if statements.claimExternalID.changes() == 0 {
        statements.findExternalID.bind(1, id)
        return try duplicate(of: record, found: statements.findExternalID)
      }
    }
    guard let key = record.dedupKey else { return nil }
    statements.claimDedupKey.bind(1, record.source)
    statements.claimDedupKey.bind(2, key)
    statements.claimDedupKey.bind(3, sequence)
    try statements.claimDedupKey.run(doing: "claim a dedup key")
    guard statements.claimDedupKey.changes() == 0 else { return nil }
    if let id = record.externalID {
      // The number it was claimed for goes to the next event, which the id must not lead to.
      statements.releaseExternalID.bind(1, id)
      try statements.releaseExternalID.run(doing: "release an id")
    }
    statements.findDedupKey.bind(1, record.source)
    statements.findDedupKey.bind(2, key)
    return try duplicate(of: record, found: statements.findDedupKey)
  }

  /// An event that comes with an id which this file gave (exported and injected again, say) is
  /// another copy of the event that has it: ids are unique per database (events.md 2).
  private func ownEvent(_ id: String, _ record: AcceptRecord) throws(StoreError) -> AcceptReceipt? {
    guard let made = identity.number(in: id, prefix: "evt_") else { return nil }
    statements.findOwnID.bind(1, Identity.sequence(of: made.number))
    statements.findOwnID.bind(2, made.acceptedAtMs)
    return try copy(of: record, foundBy: statements.findOwnID)
  }

  private func duplicate(
    of record: AcceptRecord, found query: borrowing Statement
  ) throws(StoreError) -> AcceptReceipt {
    guard let receipt = try copy(of: record, foundBy: query) else {
      throw StoreError(.corrupt, "a dedup key names no event")
    }
    return receipt
  }

  /// Counts one more copy of the event that the query finds, if it finds one.
  private func copy(
    of record: AcceptRecord, foundBy query: borrowing Statement
  ) throws(StoreError) -> AcceptReceipt? {
    defer { query.reset() }
    guard try query.step(doing: "find the first copy of an event") else { return nil }
    let receipt = AcceptReceipt(
      sequence: query.int64(0), acceptedAtMs: query.int64(1), isDuplicate: true,
      externalID: query.optionalText(2), traceID: query.optionalText(3))
    statements.countDuplicate.bind(1, receipt.sequence)
    statements.countDuplicate.bind(2, record.acceptedAtMs)
    try statements.countDuplicate.run(doing: "count a duplicate")
    return receipt
  }

  /// Stores checkpoint, health and coverage of a source.
  func save(_ progress: SourceProgress) throws(StoreError) {
    statements.saveProgress.bind(1, progress.source)
    statements.saveProgress.bind(2, progress.checkpoint)
    statements.saveProgress.bind(3, progress.status)
    statements.saveProgress.bind(4, progress.lastSuccessMs)
    statements.saveProgress.bind(5, progress.lastAttemptMs)
    statements.saveProgress.bind(6, progress.lastError)
    statements.saveProgress.bind(7, progress.consecutiveErrors)
    statements.saveProgress.bind(8, progress.circuitOpen)
    statements.saveProgress.bind(9, progress.health)
    try statements.saveProgress.run(doing: "store a checkpoint")
    guard let from = progress.coveredFromMs, let to = progress.coveredToMs else { return }
    statements.extendCoverage.bind(1, progress.source)
    statements.extendCoverage.bind(2, from)
    statements.extendCoverage.bind(3, max(from, to))
    try statements.extendCoverage.run(doing: "record coverage")
  }
}
