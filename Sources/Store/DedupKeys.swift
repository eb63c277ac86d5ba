/// A key of a dedup transform, as its delivery carries it (connectors.md 4.2).
package struct DedupKeyRecord: Sendable, Hashable {
  /// Its name; with the route it is the scope of the key.
  package var transform: String
  /// SHA-256.
  package var hash: [UInt8]
  /// Until when the key is used up if the delivery succeeds now; milliseconds since 1970.
  package var expiresAtMs: Int64

  package init(transform: String, hash: [UInt8], expiresAtMs: Int64) {
    self.transform = transform
    self.hash = hash
    self.expiresAtMs = expiresAtMs
  }
}

/// What the file says of a key.
package enum DedupKeyState: Sendable, Hashable {
  case free
  /// A delivery with the key has succeeded and the window is open. When its event was accepted is
  /// unknown when retention has deleted it.
  case delivered(by: Int64, acceptedAtMs: Int64?)
  /// A delivery with the key waits for its next attempt; its order key, if it is in the same queue.
  case held(by: Int64, orderKey: String?)
}

extension SQL {
  /// Primary keys.
  package static let deliveredKey = """
    SELECT k.delivery, e.accepted_at_ms
    FROM delivered_keys AS k
      LEFT JOIN events AS e ON e.sequence = k.delivery >> 16
    WHERE k.route = ?1 AND k.transform = ?2 AND k.hash = ?3 AND k.expires_at_ms > ?4
    """

  /// Primary keys. Of a delivery that is settled the key is free, whoever settled it.
  package static let heldKey = """
    SELECT k.delivery, q.order_key
    FROM held_keys AS k
      CROSS JOIN events AS e ON e.sequence = k.delivery >> 16
      LEFT JOIN queue AS q ON q.lane = ?4 AND q.delivery = k.delivery
    WHERE k.route = ?1 AND k.transform = ?2 AND k.hash = ?3
      AND NOT EXISTS (SELECT 1 FROM settled AS s WHERE s.delivery = k.delivery)
    """

  /// Primary key.
  package static let useKey = """
    INSERT OR REPLACE INTO delivered_keys (route, transform, hash, delivery, expires_at_ms)
    VALUES (?1, ?2, ?3, ?4, ?5)
    """

  /// Primary key.
  package static let holdKey = """
    INSERT OR REPLACE INTO held_keys (route, transform, hash, delivery) VALUES (?1, ?2, ?3, ?4)
    """

  /// Index held_keys_delivery.
  package static let letGoOfKeys = "DELETE FROM held_keys WHERE delivery = ?1"

  /// Primary key (delivery, number): the steps of the newest attempt that has some.
  package static let stepsOfDelivery = """
    SELECT transforms FROM attempts
    WHERE delivery = ?1 AND transforms IS NOT NULL
    ORDER BY number DESC
    LIMIT 1
    """
}

/// The statements that only deliveries through a dedup transform need.
final class DedupStatements {
  let use: Statement
  let hold: Statement
  let letGo: Statement

  init(_ connection: Connection) throws(StoreError) {
    use = try connection.prepare(SQL.useKey)
    hold = try connection.prepare(SQL.holdKey)
    letGo = try connection.prepare(SQL.letGoOfKeys)
  }
}

extension WriterConnection {
  /// A settled delivery holds no keys any more, and uses them up if it was delivered: in the
  /// transaction of that outcome.
  func use(
    _ keys: [DedupKeyRecord], of record: SettleRecord, isDelivered: Bool
  ) throws(StoreError) {
    guard !keys.isEmpty else { return }
    let statements = try dedupStatements()
    statements.letGo.bind(1, record.start.delivery)
    try statements.letGo.run(doing: "let go of dedup keys")
    guard isDelivered else { return }
    for key in keys {
      statements.use.bind(1, record.route)
      statements.use.bind(2, key.transform)
      statements.use.bind(3, blob: key.hash)
      statements.use.bind(4, record.start.delivery)
      statements.use.bind(5, key.expiresAtMs)
      try statements.use.run(doing: "use up a dedup key")
    }
  }

  /// A delivery that waits for its next attempt keeps its keys from others, over a restart too.
  func hold(_ keys: [DedupKeyRecord], of record: SettleRecord) throws(StoreError) {
    guard !keys.isEmpty else { return }
    let statements = try dedupStatements()
    for key in keys {
      statements.hold.bind(1, record.route)
      statements.hold.bind(2, key.transform)
      statements.hold.bind(3, blob: key.hash)
      statements.hold.bind(4, record.start.delivery)
      try statements.hold.run(doing: "hold a dedup key")
    }
  }

  private func dedupStatements() throws(StoreError) -> DedupStatements {
    if let dedup { return dedup }
    let made = try DedupStatements(connection)
    dedup = made
    return made
  }
}

extension EventStore {
  /// What is known of a key for one delivery; its own use of it does not count.
  package func state(
    of key: DedupKeyRecord, route: Int64, for delivery: Int64, lane: Int64, nowMs: Int64
  ) async throws(StoreError) -> DedupKeyState {
    try await read { reader throws(StoreError) in
      let used = try reader.connection.prepare(SQL.deliveredKey)
      used.bind(1, route)
      used.bind(2, key.transform)
      used.bind(3, blob: key.hash)
      used.bind(4, nowMs)
      if try used.step(doing: "look for a dedup key"), used.int64(0) != delivery {
        return .delivered(by: used.int64(0), acceptedAtMs: used.optionalInt64(1))
      }
      let held = try reader.connection.prepare(SQL.heldKey)
      held.bind(1, route)
      held.bind(2, key.transform)
      held.bind(3, blob: key.hash)
      held.bind(4, lane)
      if try held.step(doing: "look for a dedup key"), held.int64(0) != delivery {
        return .held(by: held.int64(0), orderKey: held.optionalText(1))
      }
      return .free
    }
  }

  /// The steps of a delivery's transforms as an earlier attempt has left them; nil when none has.
  package func storedSteps(ofDelivery delivery: Int64) async throws(StoreError) -> [UInt8]? {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.stepsOfDelivery)
      query.bind(1, delivery)
      return try query.step(doing: "read the transforms of a delivery") ? query.textBytes(0) : nil
    }
  }
}
