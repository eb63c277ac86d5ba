/// The statements of retention, prepared when the first batch comes.
final class RetentionStatements {
  let oldEvent: Statement
  let oldDeliveries: Statement
  let keep: Statement
  let forgetDedupKey: Statement
  let forgetExternalID: Statement
  let forgetDeliveries: [Boxed]
  let forgetEvents: [Boxed]

  /// A statement in a list: it cannot be copied, a reference to it can.
  final class Boxed {
    let statement: Statement
    init(_ statement: consuming Statement) { self.statement = statement }
  }

  init(_ connection: Connection) throws(StoreError) {
    oldEvent = try connection.prepare(SQL.oldEvent)
    oldDeliveries = try connection.prepare(SQL.oldDeliveries)
    keep = try connection.prepare(SQL.keepEvent)
    forgetDedupKey = try connection.prepare(SQL.forgetDedupKey)
    forgetExternalID = try connection.prepare(SQL.forgetExternalID)
    var lists: [[Boxed]] = []
    for texts in [SQL.forgetDeliveries, SQL.forgetEvents] {
      var list: [Boxed] = []
      for text in texts { list.append(Boxed(try connection.prepare(text))) }
      lists.append(list)
    }
    (forgetDeliveries, forgetEvents) = (lists[0], lists[1])
  }
}

/// Deletes old events, or notes when to look at them again: one batch, in one transaction.
struct Pruning {
  private let connection: WriterConnection
  private let statements: RetentionStatements
  private let batch: PruneBatch
  private let hold: HoldWatch
  private var report = PruneReport()
  /// Events without a gap between them that are about to go.
  private var run: ClosedRange<Int64>?
  private var runRows = 0

  /// 64: the rows that are deleted before the clock is looked at again.
  private static let runRowsMax = 64
  /// 1,000: deliveries of one event that go at once; 65,536 of them would take a second.
  private static let deliveriesMax = 1_000

  init(
    _ batch: PruneBatch, hold: HoldWatch, on connection: WriterConnection
  ) throws(StoreError) {
    self.connection = connection
    self.batch = batch
    self.hold = hold
    if let statements = connection.retention {
      self.statements = statements
    } else {
      statements = try RetentionStatements(connection.connection)
      connection.retention = statements
    }
  }

  mutating func perform() throws(StoreError) -> PruneReport {
    for sequence in batch.events {
      guard try look(at: sequence) else { break }
      report.looked += 1
      if runRows >= Pruning.runRowsMax { try forgetRun() }
      // After each, so that every batch gets on by one event at least.
      if report.rows >= batch.rowsMax || hold.isOver { break }
    }
    try forgetRun()
    let isComplete = report.looked == batch.events.count
    if let through = isComplete ? batch.through : batch.events[..<report.looked].last {
      try moveOn(through)
    }
    if let newest = report.newest { try reserve(newest) }
    return report
  }

  /// - Returns: False when only a part of the event is gone: it is to be looked at again.
  private mutating func look(at sequence: Int64) throws(StoreError) -> Bool {
    guard let event = try old(sequence) else {
      // It is gone already; what says that it is kept goes as well.
      try forget(sequence...sequence)
      return true
    }
    if let lookAtMs = event.lookAtMs(nowMs: batch.nowMs) {
      statements.keep.bind(1, sequence)
      statements.keep.bind(2, lookAtMs)
      try statements.keep.run(doing: "keep an old event")
      report.kept += 1
      report.rows += 1
      return true
    }
    if event.deliveries > Pruning.deliveriesMax {
      try forgetLast(of: event, sequence)
      return false
    }
    try forgetNames(of: event, sequence)
    report.newest = max(report.newest ?? 0, sequence)
    report.events += 1
    report.deliveries += event.deliveries
    report.deadLetters += event.deadCount
    let rows = 1 + event.deliveries + event.attempts
    report.rows += rows
    if let run, run.upperBound + 1 == sequence {
      self.run = run.lowerBound...sequence
    } else {
      try forgetRun()
      run = sequence...sequence
    }
    runRows += rows
    return true
  }

  /// The last deliveries of an event that has very many; it has so many less then.
  private mutating func forgetLast(of event: OldEvent, _ sequence: Int64) throws(StoreError) {
    let left = event.deliveries - Pruning.deliveriesMax
    let first = sequence << 16
    for boxed in statements.forgetDeliveries {
      boxed.statement.bind(1, first + Int64(left))
      boxed.statement.bind(2, first + 65_535)
      try boxed.statement.run(doing: "delete old deliveries")
    }
    let shorten = try connection.connection.prepare(
      "UPDATE events SET deliveries = ?2 WHERE sequence = ?1")
    shorten.bind(1, sequence)
    shorten.bind(2, left)
    try shorten.run(doing: "delete old deliveries")
    report.deliveries += Pruning.deliveriesMax
    report.rows += Pruning.deliveriesMax
    report.isPartial = true
  }

  private func forgetNames(of event: OldEvent, _ sequence: Int64) throws(StoreError) {
    if let id = event.externalID {
      statements.forgetExternalID.bind(1, id)
      statements.forgetExternalID.bind(2, sequence)
      try statements.forgetExternalID.run(doing: "delete the id of an old event")
    }
    if let key = event.dedupKey {
      statements.forgetDedupKey.bind(1, event.source)
      statements.forgetDedupKey.bind(2, key)
      statements.forgetDedupKey.bind(3, sequence)
      try statements.forgetDedupKey.run(doing: "delete the dedup key of an old event")
    }
  }

  private mutating func forgetRun() throws(StoreError) {
    guard let run else { return }
    try forget(run)
    self.run = nil
    runRows = 0
  }

  private func forget(_ run: ClosedRange<Int64>) throws(StoreError) {
    for boxed in statements.forgetDeliveries {
      boxed.statement.bind(1, run.lowerBound << 16)
      boxed.statement.bind(2, run.upperBound << 16 | 65_535)
      try boxed.statement.run(doing: "delete old deliveries")
    }
    for boxed in statements.forgetEvents {
      boxed.statement.bind(1, run.lowerBound)
      boxed.statement.bind(2, run.upperBound)
      try boxed.statement.run(doing: "delete old events")
    }
  }

  private func moveOn(_ through: Int64) throws(StoreError) {
    guard !batch.modules.isEmpty else { return }
    let update = try connection.connection.prepare(
      """
      UPDATE modules SET pruned_through = max(pruned_through, ?2)
      WHERE key IN (SELECT value FROM json_each(?1))
      """)
    update.bind(1, numberList(batch.modules))
    update.bind(2, through)
    try update.run(doing: "note how far old events have been deleted")
  }

  /// A number is never given twice, also when the newest event is deleted.
  private func reserve(_ newest: Int64) throws(StoreError) {
    let reserve = try connection.connection.prepare(
      """
      INSERT INTO meta (key, value) VALUES ('last_sequence', ?1)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value
      WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)
      """)
    reserve.bind(1, String(newest))
    try reserve.run(doing: "note the newest deleted event")
  }

  private func old(_ sequence: Int64) throws(StoreError) -> OldEvent? {
    defer { statements.oldEvent.reset() }
    statements.oldEvent.bind(1, sequence)
    statements.oldEvent.bind(2, RetentionTimes.eventsMs)
    statements.oldEvent.bind(3, RetentionTimes.deadLettersMs)
    guard try statements.oldEvent.step(doing: "look at an old event") else { return nil }
    var event = OldEvent(
      acceptedAtMs: statements.oldEvent.int64(0), deliveries: statements.oldEvent.int(1),
      source: statements.oldEvent.int64(2), externalID: statements.oldEvent.optionalText(3),
      dedupKey: statements.oldEvent.optionalText(4), retentionMs: statements.oldEvent.int64(5),
      deadRetentionMs: statements.oldEvent.int64(6), isInInbox: statements.oldEvent.int(7) != 0)
    if event.deliveries > 0 { try count(sequence, &event) }
    return event
  }

  private func count(_ sequence: Int64, _ event: inout OldEvent) throws(StoreError) {
    defer { statements.oldDeliveries.reset() }
    statements.oldDeliveries.bind(1, sequence)
    guard try statements.oldDeliveries.step(doing: "look at an old event") else { return }
    event.settledCount = statements.oldDeliveries.int(0)
    event.lastSettledMs = statements.oldDeliveries.optionalInt64(1)
    event.lastDeadMs = statements.oldDeliveries.optionalInt64(2)
    event.deadCount = statements.oldDeliveries.int(3)
    event.attempts = statements.oldDeliveries.int(4)
  }
}

/// An event that may be old enough to be deleted.
private struct OldEvent {
  let acceptedAtMs: Int64
  let deliveries: Int
  let source: Int64
  let externalID: String?
  let dedupKey: String?
  let retentionMs: Int64
  let deadRetentionMs: Int64
  let isInInbox: Bool
  var settledCount = 0
  var lastSettledMs: Int64?
  var lastDeadMs: Int64?
  var deadCount = 0
  var attempts = 0

  /// When to look again; nil when it can go.
  ///
  /// At the latest in a day: an operator may have sent a dead letter again, or dropped it.
  func lookAtMs(nowMs: Int64) -> Int64? {
    let tomorrowMs = nowMs + RetentionTimes.lookAgainMs
    guard settledCount == deliveries, !isInInbox else { return tomorrowMs }
    var endMs = max(acceptedAtMs, lastSettledMs ?? 0) + retentionMs
    if let lastDeadMs { endMs = max(endMs, lastDeadMs + deadRetentionMs) }
    return endMs <= nowMs ? nil : min(endMs, tomorrowMs)
  }
}
