import Synchronization

/// How long things are kept where no module says otherwise (config.md 5.1).
package enum RetentionTimes {
  package static let eventsMs: Int64 = 7 * 86_400_000
  package static let deadLettersMs: Int64 = 30 * 86_400_000
  /// 1 h: what waited behind a delivery finds its key that long after the window has passed.
  package static let keyGraceMs: Int64 = 3_600_000
  /// 1 day: how soon an old event that could not go is looked at again.
  package static let lookAgainMs: Int64 = 86_400_000
}

/// Says how long one operation of the writer may last, and how long it did.
package final class HoldWatch: Sendable {
  private let limitMs: Int64
  private let clock: @Sendable () -> Int64
  private let span = Mutex<(beganMs: Int64?, endedMs: Int64?)>((nil, nil))

  /// - Parameter clock: Milliseconds since a fixed moment; never goes back.
  package init(limitMs: Int64, clock: @escaping @Sendable () -> Int64) {
    self.limitMs = limitMs
    self.clock = clock
  }

  /// The operation's turn has come. Called on the writer's thread.
  func begin() { span.withLock { $0.beganMs = clock() } }

  /// Its group is committed. Called on the writer's thread.
  func end() { span.withLock { $0.endedMs = clock() } }

  var isOver: Bool { elapsedMs >= limitMs }

  /// Since the operation's turn came, until it was committed.
  package var elapsedMs: Int64 {
    let (beganMs, endedMs) = span.withLock { $0 }
    return beganMs.map { (endedMs ?? clock()) - $0 } ?? 0
  }
}

/// Events to be deleted where nothing speaks against it.
package struct PruneBatch: Sendable {
  /// Their numbers, ascending.
  package var events: [Int64]
  /// The modules that note how far they have come; empty for events that were kept before.
  package var modules: [Int64]
  /// As far as that is when all `events` have been looked at.
  package var through: Int64?
  /// Milliseconds since 1970.
  package var nowMs: Int64
  /// At most about so many rows.
  package var rowsMax: Int

  package init(
    events: [Int64], modules: [Int64] = [], through: Int64? = nil, nowMs: Int64, rowsMax: Int
  ) {
    self.events = events
    self.modules = modules
    self.through = through
    self.nowMs = nowMs
    self.rowsMax = rowsMax
  }
}

/// What became of a ``PruneBatch``.
package struct PruneReport: Sendable, Hashable {
  /// So many of its events were looked at; the others are for the next batch.
  package var looked = 0
  package var events = 0
  package var deliveries = 0
  package var deadLetters = 0
  /// Looked at, and left where they are.
  package var kept = 0
  /// Written or deleted.
  package var rows = 0
  /// Of an event with very many deliveries a part is gone.
  package var isPartial = false
  var newest: Int64?

  package init() {}
}

/// What there is for retention to do.
package struct RetentionNeeds: Sendable {
  package struct Module: Sendable {
    package let key: Int64
    package let retentionMs: Int64
    /// Events up to this number have been looked at.
    package let prunedThrough: Int64
  }

  package var modules: [Module] = []
  package var hasKeptEventsDue = false
  package var hasExpiredKeys = false
  package var hasOldCoverage = false
  package var hasOldLogs = false
  package var hasOldReplays = false
}

/// One event as the log has it, for finding those that are old.
package struct LoggedEvent: Sendable, Hashable {
  package let sequence: Int64
  package let acceptedAtMs: Int64
  package let module: Int64
}

/// The pages of the file.
package struct FilePages: Sendable, Hashable {
  package let count: Int64
  /// Pages that hold nothing.
  package let free: Int64
  /// Bytes.
  package let size: Int64
}

extension EventStore {
  func write<Value: Sendable>(
    _ hold: HoldWatch,
    _ perform: @escaping @Sendable (WriterConnection) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let result = await withCheckedContinuation { continuation in
      submit(
        keepsFill: true,
        { connection throws(StoreError) in
          hold.begin()
          return try perform(connection)
        },
        completion: { (result: Result<Value, StoreError>) in
          hold.end()
          continuation.resume(returning: result)
        })
    }
    return try result.get()
  }

  /// Reads what there is to delete, without reading the log.
  package func retentionNeeds(
    nowMs: Int64, logsBeforeMs: Int64
  ) async throws(StoreError) -> RetentionNeeds {
    try await inspection.read { reader throws(StoreError) in
      var needs = RetentionNeeds()
      let connection = reader.connection
      let doing = "look for what is old"
      let modules = try connection.prepare(
        "SELECT key, coalesce(event_retention_ms, ?1), pruned_through FROM modules")
      modules.bind(1, RetentionTimes.eventsMs)
      while try modules.step(doing: doing) {
        needs.modules.append(
          .init(
            key: modules.int64(0), retentionMs: modules.int64(1), prunedThrough: modules.int64(2)))
      }
      func exists(_ sql: String, _ limitMs: Int64) throws(StoreError) -> Bool {
        let query = try connection.prepare("SELECT EXISTS (\(sql))")
        query.bind(1, limitMs)
        return try query.step(doing: doing) && query.int(0) != 0
      }
      needs.hasKeptEventsDue = try exists(
        "SELECT 1 FROM kept_events WHERE look_at_ms <= ?1", nowMs)
      needs.hasExpiredKeys = try exists(
        "SELECT 1 FROM delivered_keys WHERE expires_at_ms <= ?1",
        nowMs - RetentionTimes.keyGraceMs)
      needs.hasOldReplays = try exists(
        "SELECT 1 FROM replays WHERE started_at_ms < ?1", logsBeforeMs)
      needs.hasOldLogs = try exists("SELECT 1 FROM logs WHERE timestamp_ms < ?1", logsBeforeMs)
      needs.hasOldCoverage = try exists(
        """
        SELECT 1
        FROM modules AS m
          CROSS JOIN sources AS s ON s.module = m.key
          CROSS JOIN coverage AS c
            ON c.source = s.key
              AND c.from_ms < ?1 - coalesce(m.event_retention_ms, \(RetentionTimes.eventsMs))
        WHERE c.to_ms < ?1 - coalesce(m.event_retention_ms, \(RetentionTimes.eventsMs))
        """, nowMs)
      return needs
    }
  }

  /// The log after a place, oldest first.
  package func events(
    after sequence: Int64, limit: Int
  ) async throws(StoreError) -> [LoggedEvent] {
    try await inspection.read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.eventsInOrder)
      query.bind(1, sequence)
      query.bind(2, limit)
      var page: [LoggedEvent] = []
      while try query.step(doing: "read the log") {
        page.append(
          LoggedEvent(
            sequence: query.int64(0), acceptedAtMs: query.int64(1), module: query.int64(2)))
      }
      return page
    }
  }

  /// Old events that could not go and are to be looked at again, ascending.
  package func keptEvents(dueAtMs nowMs: Int64, limit: Int) async throws(StoreError) -> [Int64] {
    try await inspection.read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.keptEventsDue)
      query.bind(1, nowMs)
      query.bind(2, limit)
      var page: [Int64] = []
      while try query.step(doing: "read the old events that were kept") {
        page.append(query.int64(0))
      }
      return page.sorted()
    }
  }

  /// Deletes events with all that belongs to them: deliveries, attempts, keys, ids. What has an
  /// unsettled delivery, or a dead letter that is not old enough, is kept and noted.
  ///
  /// One transaction, which ends when `hold` says so, whatever is left.
  package func prune(_ batch: PruneBatch, hold: HoldWatch) async throws(StoreError) -> PruneReport {
    try await write(hold) { connection throws(StoreError) in
      var pruning = try Pruning(batch, hold: hold, on: connection)
      return try pruning.perform()
    }
  }

  /// What else grows old.
  package enum Remains: Sendable, CaseIterable {
    case deliveredKeys, coverage, logs, replays
  }

  /// Deletes rows that nothing needs any more.
  ///
  /// - Parameters:
  ///   - beforeMs: Of logs and replays: what is older; else the time by which the rows' own limits are judged.
  ///   - limit: At most this many.
  /// - Returns: How many there were.
  package func forget(
    _ remains: Remains, beforeMs: Int64, limit: Int, hold: HoldWatch
  ) async throws(StoreError) -> Int {
    try await write(hold) { connection throws(StoreError) in
      let sql =
        switch remains {
        case .deliveredKeys: SQL.forgetDeliveredKeys
        case .coverage: SQL.forgetCoverage
        case .logs: SQL.forgetLogs
        case .replays: SQL.forgetReplays
        }
      let forget = try connection.connection.prepare(sql)
      forget.bind(1, beforeMs)
      forget.bind(2, limit)
      if case .coverage = remains { forget.bind(3, RetentionTimes.eventsMs) }
      try forget.run(doing: "delete what is old")
      return forget.changes()
    }
  }

  package func pages() async throws(StoreError) -> FilePages { try await inspection.pages() }

  /// Gives free pages back to the file system, at most this many. The file is shorter after the
  /// next checkpoint.
  ///
  /// Source: <https://www.sqlite.org/pragma.html#pragma_incremental_vacuum>
  package func vacuum(pagesMax: Int, hold: HoldWatch) async throws(StoreError) {
    try await write(hold) { connection throws(StoreError) in
      try connection.connection.execute(
        "PRAGMA incremental_vacuum(\(max(pagesMax, 1)))", doing: "shrink the database")
    }
  }
}
