import Store

/// Hands out what waits in the inbox, with a runtime or without.
package struct InboxDesk: Sendable {
  private let store: EventStore
  private let time: TimeSource

  init(_ store: EventStore, time: TimeSource) {
    self.store = store
    self.time = time
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
    return try await body(InboxDesk(store, time: time))
  }

  /// Gives the oldest entries of a key and marks them as drained.
  ///
  /// - Parameter module: A name or an alias; nil finds the only one that has the key.
  /// - Returns: `{events, remaining, continuation, batch}`.
  /// - Throws: ``EngineError`` `.invalid` when several modules have the key.
  package func drain(
    _ sessionKey: String, module: String?, limit: Int
  ) async throws(EngineError) -> JSONValue {
    try await drained(sessionKey, module: module, limit: limit).answer
  }

  func drained(
    _ sessionKey: String, module: String?, limit: Int
  ) async throws(EngineError) -> (answer: JSONValue, lanes: [Int64]) {
    let id = InboxDesk.batchID()
    let order = InboxOrder(
      module: module, sessionKey: sessionKey, limit: limit, batch: id, nowMs: time.wallMs,
      notice: InboxNotification.text)
    let batch: InboxBatch
    let events: [[UInt8]]
    do throws(StoreError) {
      batch = try await store.drainInbox(order)
      events = try await store.inspection.inboxEvents(batch.deliveries)
    } catch {
      throw EngineError(error)
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
    return (answer, batch.notifiedLane.map { [$0] } ?? [])
  }

  /// Puts the entries of a batch back.
  ///
  /// - Returns: `{restored}`; 0 for a batch that is not known, or was put back before.
  package func restore(_ batch: String) async throws(EngineError) -> JSONValue {
    try await restored(batch).answer
  }

  func restored(_ batch: String) async throws(EngineError) -> (answer: JSONValue, lanes: [Int64]) {
    do throws(StoreError) {
      let (count, lanes) = try await store.restoreInbox(
        batch: batch, nowMs: time.wallMs, notice: InboxNotification.text)
      return (["restored": JSONValue(count)], lanes)
    } catch {
      throw EngineError(error)
    }
  }

  private static func batchID() -> String {
    func digits(_ value: UInt64) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
    return "bat_" + digits(.random(in: .min ... .max)) + digits(.random(in: .min ... .max))
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
