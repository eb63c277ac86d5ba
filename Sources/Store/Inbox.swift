/// An event that is stored for collection instead of being handed to its actor (config.md 8).
package struct InboxEntry: Sendable {
  package var sessionKey: String
  package var expiresAtMs: Int64
  /// Most entries that one drain of the key gives.
  package var batchMax: Int
  package var notice: InboxNotice

  package init(
    sessionKey: String, expiresAtMs: Int64, batchMax: Int, notice: @escaping InboxNotice
  ) {
    self.sessionKey = sessionKey
    self.expiresAtMs = expiresAtMs
    self.batchMax = batchMax
    self.notice = notice
  }

  /// 1 KiB: the longest batch key; it is a part of index entries.
  package static let keyBytesMax = 1 << 10
}

/// What an actor is told of a batch key. Called in the transaction, so it must be pure.
package typealias InboxNotice = @Sendable (InboxKeyState) -> InboxTidings

/// The event that tells an actor of a batch key, as far as the store does not know it.
package struct InboxTidings: Sendable {
  /// JSON objects.
  package var provenance: [UInt8]
  package var payload: [UInt8]
  /// How often its actor may be told.
  package var budget: StartBudget?
  /// As ``AcceptRecord/budgetAlarm``.
  package var budgetAlarm: (@Sendable (_ ordinal: Int) -> Alarm?)?

  package init(provenance: [UInt8], payload: [UInt8]) {
    self.provenance = provenance
    self.payload = payload
  }
}

/// What waits under a batch key.
package struct InboxKeyState: Sendable, Hashable {
  package var module: String
  package var sessionKey: String
  /// The number of the route that stored the newest entry.
  package var route: Int64
  package var nowMs: Int64
  package var pending: Int
  /// When the event of the oldest entry was accepted.
  package var oldestMs: Int64
  /// The newest entry's.
  package var delivery: Int64
  package var traceID: String
  /// The newest entry is an event of the runtime's own.
  package var isOfSystemEvent: Bool
}

/// Somebody's wish to have what waits under a batch key.
package struct InboxOrder: Sendable {
  /// A name or an alias; nil finds the only module that has the key.
  package var module: String?
  package var sessionKey: String
  package var limit: Int
  /// `bat_…`, new.
  package var batch: String
  package var nowMs: Int64
  package var notice: InboxNotice

  package init(
    module: String?, sessionKey: String, limit: Int, batch: String, nowMs: Int64,
    notice: @escaping InboxNotice
  ) {
    self.module = module
    self.sessionKey = sessionKey
    self.limit = limit
    self.batch = batch
    self.nowMs = nowMs
    self.notice = notice
  }

  /// 16 MiB: envelopes of one batch, except where the first alone is larger.
  package static let bytesMax = 16 << 20
}

/// What a drain gave.
package struct InboxBatch: Sendable {
  /// Whose events were given, the oldest first.
  package var deliveries: [Int64] = []
  /// Entries that are left.
  package var remaining = 0
  package var module: String?
  /// Modules that have the key, when there are several and none was named; then nothing is drained.
  package var candidates: [String] = []
  /// Entries of the key whose time was over.
  package var expired = 0
  /// Where something was queued.
  package var lanes: [Int64] = []
}

/// Entries that nobody collected in time.
package struct InboxExpiry: Sendable, Hashable {
  package var module: String
  package var sessionKey: String
  package var count: Int

  package init(module: String, sessionKey: String, count: Int) {
    self.module = module
    self.sessionKey = sessionKey
    self.count = count
  }
}

extension EventStore {
  /// Marks the oldest entries of a key as drained and gives their events, in one transaction.
  package func drainInbox(_ order: InboxOrder) async throws(StoreError) -> InboxBatch {
    try await write { connection throws(StoreError) in try connection.drain(order) }
  }

  /// Puts the entries of a batch back; they get their whole time again.
  ///
  /// - Returns: How many there were, and the lanes in which notifications were queued.
  package func restoreInbox(
    batch: String, nowMs: Int64, notice: @escaping InboxNotice
  ) async throws(StoreError) -> (count: Int, lanes: [Int64]) {
    try await write { connection throws(StoreError) in
      try connection.restore(batch: batch, nowMs: nowMs, notice)
    }
  }

  /// Ends entries whose time is over: their deliveries become `dropped`, reason `expired`. Where
  /// others of the key are left, its actor is told again.
  ///
  /// - Parameter limit: At most this many; call it again until it gives none.
  /// - Returns: The keys, and the lanes in which notifications were queued.
  package func expireInbox(
    nowMs: Int64, limit: Int, notice: @escaping InboxNotice
  ) async throws(StoreError) -> (keys: [InboxExpiry], lanes: [Int64]) {
    try await write { connection throws(StoreError) in
      try connection.expireInbox(nowMs: nowMs, limit: limit, notice)
    }
  }
}

extension StoreReader {
  /// Keys with entries that wait, in the order of module and key.
  ///
  /// - Parameter sessionKey: Only this one.
  package func inboxKeys(
    _ sessionKey: String? = nil, module: String? = nil, limit: Int = 10_000
  ) async throws(StoreError) -> [(module: String, sessionKey: String, pending: Int)] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.inboxKeys)
      query.bind(1, sessionKey)
      query.bind(2, module)
      query.bind(3, limit)
      var keys: [(module: String, sessionKey: String, pending: Int)] = []
      while try query.step(doing: "read the inbox") {
        keys.append((query.text(0), query.text(1), query.int(2)))
      }
      return keys
    }
  }

  /// Whole envelopes of deliveries, as the transforms left them.
  package func inboxEvents(_ deliveries: [Int64]) async throws(StoreError) -> [[UInt8]] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.inboxEvent)
      var events: [[UInt8]] = []
      for delivery in deliveries {
        query.bind(1, delivery)
        if try query.step(doing: "read inbox entries") { events.append(query.textBytes(0)) }
        query.reset()
      }
      return events
    }
  }

  /// When the next entry expires; nil when none waits.
  package func nextInboxExpiry() async throws(StoreError) -> Int64? {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.nextInboxExpiry)
      return try query.step(doing: "read the inbox") ? query.optionalInt64(0) : nil
    }
  }
}
