import Store

/// Hands out what waits in the inbox, with a runtime or without.
package struct InboxDesk: Sendable {
  private let store: EventStore
  private let time: TimeSource
  private let notice: InboxNotice
  private let log: @Sendable ([LogEntry]) async -> Void

  /// - Parameters:
  ///   - notice: What an actor is told where something is left.
  ///   - log: Who is told of what was done.
  init(
    _ store: EventStore, time: TimeSource, notice: @escaping InboxNotice,
    log: @escaping @Sendable ([LogEntry]) async -> Void
  ) {
    self.store = store
    self.time = time
    self.notice = notice
    self.log = log
  }

  /// 10,000: entries that one drain may ask for.
  package static let drainMax = 10_000
  /// 100: entries of a drain where nobody says how many.
  package static let drainUsual = 100

  /// Opens a database that no runtime has, for one order.
  ///
  /// - Throws: ``EngineError`` `.locked` when a runtime has it, and as `Runtime.open`.
  package static func withDatabase<Value: Sendable>(
    _ path: String, time: TimeSource = .system, _ body: (InboxDesk) async throws -> Value
  ) async throws -> Value {
    let store: EventStore
    do throws(StoreError) {
      store = try EventStore(path: path)
    } catch {
      throw EngineError(opening: error)
    }
    defer { store.close() }
    let sink = StoredLog(store: store, retentionMs: RuntimeSettings().logRetentionMs)
    return try await body(
      InboxDesk(
        store, time: time, notice: InboxNotification.text, log: { await sink.write($0) }))
  }

  /// Gives the oldest entries of a key and marks them as drained.
  ///
  /// - Parameter module: A name or an alias; nil finds the only one that has the key.
  /// - Returns: `{events, remaining, continuation, batch}`.
  /// - Throws: ``EngineError`` `.invalid` when several modules have the key.
  package func drain(
    _ sessionKey: String, module: String?, limit: Int, requester: String
  ) async throws(EngineError) -> JSONValue {
    try await drained(sessionKey, module: module, limit: limit, requester: requester).answer
  }

  func drained(
    _ sessionKey: String, module: String?, limit: Int, requester: String
  ) async throws(EngineError) -> (answer: JSONValue, lanes: [Int64]) {
    let id = InboxDesk.batchID()
    let order = InboxOrder(
      module: module, sessionKey: sessionKey, limit: limit, batch: id, nowMs: time.wallMs,
      notice: notice)
    let batch: InboxBatch
    do throws(StoreError) {
      batch = try await store.drainInbox(order)
    } catch {
      throw EngineError(error)
    }
    await log(entries(of: batch, order, requester))
    let events: [[UInt8]]
    do throws(StoreError) {
      events = try await store.inspection.inboxEvents(batch.deliveries)
    } catch {
      guard !batch.deliveries.isEmpty else { throw EngineError(error) }
      throw EngineError(
        .unavailable, "\(batch.deliveries.count) events were drained and cannot be read: \(error)",
        hint: "orgloop inbox restore --batch \(id) puts them back", cause: error)
    }
    guard batch.candidates.isEmpty else {
      throw EngineError(
        .invalid,
        "several modules have entries under this key: \(batch.candidates.joined(separator: ", "))",
        hint: "--module NAME says which one")
    }
    let more = batch.module.map { InboxNotification.drainCommand(sessionKey, module: $0) }
    let answer: JSONValue = [
      "events": .array(events.map { JSONText(checked: $0).value() }),
      "remaining": JSONValue(batch.remaining),
      "continuation": batch.remaining > 0 ? JSONValue(more) : .null,
      "batch": events.isEmpty ? .null : .string(id),
    ]
    return (answer, batch.lanes)
  }

  /// What the log says of a drain.
  private func entries(
    of batch: InboxBatch, _ order: InboxOrder, _ requester: String
  ) -> [LogEntry] {
    var entries: [LogEntry] = []
    if batch.expired > 0 {
      let expiry = InboxExpiry(
        module: batch.module ?? "", sessionKey: order.sessionKey, count: batch.expired)
      entries.append(LogEntry(expiry, atMs: order.nowMs))
    }
    if !batch.deliveries.isEmpty {
      entries.append(
        LogEntry(
          inbox: "drain", "\(batch.deliveries.count) events of \(order.sessionKey)",
          batch: order.batch, requester, atMs: order.nowMs, module: batch.module))
    }
    return entries
  }

  /// Puts the entries of a batch back.
  ///
  /// - Returns: `{restored}`; 0 for a batch that is not known, or was put back before.
  package func restore(
    _ batch: String, requester: String
  ) async throws(EngineError) -> JSONValue {
    try await restored(batch, requester: requester).answer
  }

  func restored(
    _ batch: String, requester: String
  ) async throws(EngineError) -> (answer: JSONValue, lanes: [Int64]) {
    let nowMs = time.wallMs
    let (count, lanes) = try await EngineError.wrapping { () throws(StoreError) in
      try await store.restoreInbox(batch: batch, nowMs: nowMs, notice: notice)
    }
    if count > 0 {
      await log([
        LogEntry(
          inbox: "restore", "\(count) events of \(batch)", batch: batch, requester, atMs: nowMs)
      ])
    }
    return (["restored": JSONValue(count)], lanes)
  }

  private static func batchID() -> String {
    func digits(_ value: UInt64) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
    return "bat_" + digits(.random(in: .min ... .max)) + digits(.random(in: .min ... .max))
  }
}

extension LogEntry {
  /// Entries that nobody collected in time.
  init(_ expiry: InboxExpiry, atMs: Int64) {
    self.init(
      .inboxExpired, timestampMs: atMs, result: "drop",
      metadata: [
        "session_key": .string(expiry.sessionKey), "expired": JSONValue(expiry.count),
      ], module: expiry.module)
  }

  fileprivate init(
    inbox action: String, _ object: String, batch: String, _ requester: String, atMs: Int64,
    module: String? = nil
  ) {
    self.init(
      .operatorAction, timestampMs: atMs, result: "inbox \(action) \(object) by \(requester)",
      metadata: [
        "action": .string("inbox \(action)"), "by": .string(requester), "object": .string(object),
        "batch": .string(batch),
      ], module: module)
  }
}

extension Inspector {
  /// `[{sessionKey, module, pending}]` of the keys under which something waits.
  package func inbox(
    _ sessionKey: String? = nil, module: String? = nil
  ) async throws -> [JSONValue] {
    try await reader.inboxKeys(sessionKey, module: module).map { key in
      [
        "sessionKey": .string(key.sessionKey), "module": .string(key.module),
        "pending": JSONValue(key.pending),
      ]
    }
  }
}
