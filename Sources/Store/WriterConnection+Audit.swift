/// The audit record of a delivery (events.md 9), as far as the engine can make it.
package struct AuditRecord: Sendable {
  package var id: String
  package var sequence: Int64
  package var traceID: String
  /// Makes the record, a JSON object. Called in the transaction, so it must be pure.
  package var text: @Sendable (AuditFacts) -> [UInt8]

  package init(
    id: String, sequence: Int64, traceID: String,
    text: @escaping @Sendable (AuditFacts) -> [UInt8]
  ) {
    self.id = id
    self.sequence = sequence
    self.traceID = traceID
    self.text = text
  }
}

/// What only the file knows of an audited delivery.
package struct AuditFacts: Sendable, Hashable {
  /// The event's place in its trace, from 1; 1,000 stands for all beyond.
  package var depth: Int
  package var parentEventID: String?
}

extension WriterConnection {
  /// Writes the record of a delivery; a later one takes its place, as a delivery that was held or
  /// requeued ends anew.
  func store(_ audit: AuditRecord, of record: SettleRecord) throws(StoreError) {
    statements.insertAudit.bind(1, record.start.delivery)
    statements.insertAudit.bind(2, audit.id)
    statements.insertAudit.bind(3, record.endedAtMs)
    statements.insertAudit.bind(4, text: audit.text(try facts(of: audit)))
    try statements.insertAudit.run(doing: "store an audit record")
  }

  private func facts(of audit: AuditRecord) throws(StoreError) -> AuditFacts {
    var facts = AuditFacts(depth: 1, parentEventID: nil)
    // The first of a trace has neither.
    let own = identity.number(in: audit.traceID, prefix: "trc_").map {
      Identity.sequence(of: $0.number)
    }
    guard own != audit.sequence else { return facts }
    let depth = try connection.prepare(SQL.placeInTrace)
    depth.bind(1, audit.traceID)
    depth.bind(2, audit.sequence)
    if try depth.step(doing: "count the events of a trace") {
      facts.depth = depth.int(0) + (own == nil ? 0 : 1)
    }
    let parent = try connection.prepare(SQL.parentOfEvent)
    parent.bind(1, audit.sequence)
    if try parent.step(doing: "find the parent of an event") {
      facts.parentEventID =
        parent.optionalText(2)
        ?? identity.eventID(sequence: parent.int64(0), acceptedAtMs: parent.int64(1))
    }
    return facts
  }

  /// Lets a held delivery go on with a whole budget of attempts.
  ///
  /// - Returns: The lane that it is in; nil when it is not held.
  func release(_ delivery: Int64, by: String, nowMs: Int64) throws(StoreError) -> Int64? {
    let update = try connection.prepare(SQL.releaseHeld)
    update.bind(1, delivery)
    var lane: Int64?
    while try update.step(doing: "release a held delivery") { lane = update.int64(0) }
    guard let lane else { return nil }
    let note = try connection.prepare(
      "INSERT OR REPLACE INTO released (delivery, released_at_ms, by) VALUES (?1, ?2, ?3)")
    note.bind(1, delivery)
    note.bind(2, nowMs)
    note.bind(3, by)
    try note.run(doing: "release a held delivery")
    return lane
  }
}

extension EventStore {
  /// As ``WriterConnection/release(_:by:nowMs:)``.
  package func releaseHeld(
    _ delivery: Int64, by: String, nowMs: Int64
  ) async throws(StoreError) -> Int64? {
    try await write { connection throws(StoreError) in
      try connection.release(delivery, by: by, nowMs: nowMs)
    }
  }

  /// Whether an operator has let a delivery go on.
  package func isReleased(_ delivery: Int64) async throws(StoreError) -> Bool {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare("SELECT 1 FROM released WHERE delivery = ?1")
      query.bind(1, delivery)
      return try query.step(doing: "look for a release")
    }
  }
}

extension StoreReader {
  /// The audit records of an event's deliveries, by delivery number.
  package func audit(of sequence: Int64) async throws(StoreError) -> [Int64: [UInt8]] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.auditOfEvent)
      query.bind(1, sequence << 16)
      var records: [Int64: [UInt8]] = [:]
      while try query.step(doing: "read audit records") {
        records[query.int64(0)] = query.textBytes(1)
      }
      return records
    }
  }
}

extension SQL {
  /// Primary key.
  package static let insertAudit = """
    INSERT OR REPLACE INTO audit (delivery, id, timestamp_ms, record) VALUES (?1, ?2, ?3, ?4)
    """

  /// Partial index events_trace, which covers it; counts up to a bound.
  package static let placeInTrace = """
    SELECT count(*) FROM (SELECT 1 FROM events WHERE trace = ?1 AND sequence <= ?2 LIMIT 1000)
    """

  /// Primary keys.
  package static let parentOfEvent = """
    SELECT p.sequence, p.accepted_at_ms, p.external_id
    FROM events AS e CROSS JOIN events AS p ON p.sequence = e.cause >> 16
    WHERE e.sequence = ?1 AND e.cause IS NOT NULL
    """

  /// By lane, because the queue's key begins with it.
  package static let releaseHeld = """
    UPDATE queue SET state = 0, wait_reason = NULL, attempts_before = attempts
    WHERE lane IN (SELECT key FROM lanes) AND delivery = ?1 AND state = 3
      AND wait_reason = 'held'
    RETURNING lane
    """

  /// Primary key: a range of one event.
  package static let auditOfEvent = """
    SELECT delivery, record FROM audit WHERE delivery BETWEEN ?1 AND ?1 | 65535
    """
}
