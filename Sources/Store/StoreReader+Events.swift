/// What to list, in the words of the views.
package struct EventFilter: Sendable {
  /// Accepted at this time or later.
  package var fromMs: Int64?
  /// Accepted before this time.
  package var toMs: Int64?
  package var module: String?
  package var source: String?
  /// With a delivery of this route.
  package var route: String?
  /// With a delivery to this actor.
  package var actor: String?
  /// 0, 1, 2; see the engine's `EventType`.
  package var type: Int?
  package var platformEvent: String?
  /// `accepted`, `settled` or `unrouted`.
  package var state: String?
  package var limit = 100
  /// Only events with a lower number: the place in the list.
  package var below: Int64?
  /// Only events with a higher number; then they come oldest first.
  package var above: Int64?

  package init() {}
}

/// An event as lists show it.
package struct EventSummary: Sendable {
  package let sequence: Int64
  package let id: String
  package let timestamp: String
  package let module: String
  package let source: String
  package let type: String
  package let platformEvent: String?
  package let traceID: String
  package let state: String
  package let duplicates: Int
  package let generation: Int64
  package let deliveries: [DeliverySummary]
}

/// A delivery as lists show it; the columns of `v_deliveries`.
package struct DeliverySummary: Sendable {
  package let number: Int64
  package let id: String
  package let module: String
  package let route: String
  package let actor: String
  package let state: String
  package let reason: String?
  package let waitReason: String?
  package let nextAttemptAt: String?
  package let attempts: Int
  package let orderKey: String?
  package let generation: Int64
  package let createdAt: String
  package let settledAt: String?
  /// The replay that made it.
  package let replay: String?
}

/// An attempt; the columns of `v_attempts`.
package struct AttemptSummary: Sendable {
  package let number: Int
  package let startedAt: String
  package let endedAt: String?
  package let outcome: String?
  package let statusCode: Int?
  package let error: String?
  package let durationMs: Int64?
  package let responseExcerpt: String?
  package let output: String?
  package let promptHash: String?
  package let transforms: [UInt8]?
}

/// A route that did not match, and why.
package struct NonMatchSummary: Sendable {
  package let route: String
  package let path: String
  package let expected: String
  package let actual: String?
  /// The condition is a regular expression that took too many steps.
  package let isRegexLimit: Bool
}

/// One event with everything that became of it.
package struct EventDetail: Sendable {
  package let summary: EventSummary
  /// The event as JSON, as `v_events.event` has it.
  package let envelope: [UInt8]
  package let dedupKey: String?
  /// By the number of the delivery, oldest first.
  package let attempts: [Int64: [AttemptSummary]]
  package let nonMatches: [NonMatchSummary]
  package let nonMatchesMore: Int
}

extension StoreReader {
  /// Events, newest first.
  package func events(_ filter: EventFilter) async throws(StoreError) -> [EventSummary] {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        var list: [EventSummary] = []
        for sequence in try reader.sequences(filter) {
          if let event = try reader.summary(sequence) { list.append(event) }
        }
        return list
      }
    }
  }

  /// One event by its id, or by the id of its trace or one of its deliveries; nil when there is
  /// none.
  package func event(id: String) async throws(StoreError) -> EventDetail? {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        guard let sequence = try reader.sequence(ofEvent: id),
          let summary = try reader.summary(sequence)
        else { return nil }
        return try reader.detail(summary)
      }
    }
  }
}

extension ReaderConnection {
  func sequence(ofEvent id: String) throws(StoreError) -> Int64? {
    let external = try connection.prepare("SELECT sequence FROM external_ids WHERE id = ?1")
    external.bind(1, id)
    if try external.step(doing: "find an event") { return external.int64(0) }
    let prefix = String(id.prefix(4))
    guard ["evt_", "trc_", "dlv_"].contains(prefix),
      let made = try identity().number(in: id, prefix: prefix)
    else { return try sequence(ofTrace: id) }
    let query = try connection.prepare(
      "SELECT sequence FROM events WHERE sequence = ?1 AND accepted_at_ms = ?2")
    query.bind(1, Identity.sequence(of: made.number))
    query.bind(2, made.acceptedAtMs)
    return try query.step(doing: "find an event") ? query.int64(0) : nil
  }

  /// The first event of a trace that came from outside.
  private func sequence(ofTrace id: String) throws(StoreError) -> Int64? {
    let query = try connection.prepare(SQL.firstOfTrace)
    query.bind(1, id)
    return try query.step(doing: "find a trace") ? query.int64(0) : nil
  }

  func identity() throws(StoreError) -> Identity {
    let query = try connection.prepare("SELECT middle, base FROM node")
    guard try query.step(doing: "read the node"),
      let high = Int64(query.text(0).dropFirst(), radix: 16)
    else { throw StoreError(.corrupt, "the database has no node") }
    return Identity(node: high << 6 | (query.int64(1) >> 56 & 0x3F))
  }

  /// The numbers of the events that a filter names. Conditions that are not given are left out of
  /// the text, so that the primary key alone serves an unfiltered list; values are always bound.
  func sequences(_ filter: EventFilter) throws(StoreError) -> [Int64] {
    var conditions: [String] = []
    var integers: [Int64] = []
    var texts: [String] = []
    func integer(_ condition: String, _ value: Int64?) {
      guard let value else { return }
      integers.append(value)
      conditions.append(condition.replacing("?", with: "?\(integers.count)"))
    }
    func text(_ condition: String, _ value: String?) {
      guard let value else { return }
      texts.append(value)
      conditions.append(condition.replacing("?", with: "?\(100 + texts.count)"))
    }
    integer("e.sequence < ?", filter.below)
    integer("e.sequence > ?", filter.above)
    integer("e.accepted_at_ms >= ?", filter.fromMs)
    integer("e.accepted_at_ms < ?", filter.toMs)
    integer("e.type = ?", filter.type.map(Int64.init))
    text("m.name = ?", filter.module)
    text("s.id = ?", filter.source)
    text("json_extract(e.provenance, '$.platform_event') = ?", filter.platformEvent)
    let delivered = """
      e.sequence IN (
        SELECT d.delivery >> 16 FROM (
          SELECT delivery, route FROM queue UNION ALL SELECT delivery, route FROM settled
        ) AS d JOIN routes AS r ON r.key = d.route WHERE
      """
    text("\(delivered) r.name = ?)", filter.route)
    text("\(delivered) r.actor = ?)", filter.actor)
    text(
      """
      CASE
        WHEN e.deliveries = 0 THEN 'unrouted'
        WHEN (
          SELECT count(*) FROM settled AS d
          WHERE d.delivery BETWEEN e.sequence << 16 AND e.sequence << 16 | 65535
        ) < e.deliveries THEN 'accepted'
        ELSE 'settled'
      END = ?
      """, filter.state)
    let query = try connection.prepare(
      """
      SELECT e.sequence FROM events AS e
      JOIN sources AS s ON s.key = e.source
      JOIN modules AS m ON m.key = s.module
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
      ORDER BY e.sequence \(filter.above == nil ? "DESC" : "")
      LIMIT ?200
      """)
    for (index, value) in integers.enumerated() { query.bind(Int32(index + 1), value) }
    for (index, value) in texts.enumerated() { query.bind(Int32(index + 101), value) }
    query.bind(200, filter.limit)
    var sequences: [Int64] = []
    while try query.step(doing: "list events") { sequences.append(query.int64(0)) }
    return sequences
  }

  fileprivate func summary(_ sequence: Int64) throws(StoreError) -> EventSummary? {
    let query = try connection.prepare(
      """
      SELECT id, timestamp, module, source, type, platform_event, trace_id, state, duplicates,
        generation
      FROM v_events WHERE sequence = ?1
      """)
    query.bind(1, sequence)
    guard try query.step(doing: "read an event") else { return nil }
    return EventSummary(
      sequence: sequence, id: query.text(0), timestamp: query.text(1), module: query.text(2),
      source: query.text(3), type: query.text(4), platformEvent: query.optionalText(5),
      traceID: query.text(6), state: query.text(7), duplicates: query.int(8),
      generation: query.int64(9), deliveries: try deliveries(ofEvent: sequence))
  }

  /// Deliveries of one event. By lane on the queue's side, because its key begins with the lane.
  private func deliveries(ofEvent sequence: Int64) throws(StoreError) -> [DeliverySummary] {
    let query = try connection.prepare(SQL.deliveriesOfEvent)
    query.bind(1, sequence << 16)
    var list: [DeliverySummary] = []
    while try query.step(doing: "read deliveries") {
      list.append(ReaderConnection.delivery(query))
    }
    return list
  }

  /// A delivery from a row with the columns of ``SQL/deliveriesOfEvent``.
  static func delivery(_ row: borrowing Statement) -> DeliverySummary {
    DeliverySummary(
      number: row.int64(0), id: row.text(1), module: row.text(2), route: row.text(3),
      actor: row.text(4), state: row.text(5), reason: row.optionalText(6),
      waitReason: row.optionalText(7), nextAttemptAt: row.optionalText(8),
      attempts: row.int(9), orderKey: row.optionalText(10), generation: row.int64(11),
      createdAt: row.text(12), settledAt: row.optionalText(13), replay: row.optionalText(14))
  }

  fileprivate func detail(_ summary: EventSummary) throws(StoreError) -> EventDetail {
    let event = try connection.prepare(
      """
      SELECT v.event, v.dedup_key, coalesce(e.non_matches_more, 0)
      FROM v_events AS v JOIN events AS e ON e.sequence = v.sequence
      WHERE v.sequence = ?1
      """)
    event.bind(1, summary.sequence)
    guard try event.step(doing: "read an event") else {
      throw StoreError(.corrupt, "an event went away while it was read")
    }
    var attempts: [Int64: [AttemptSummary]] = [:]
    for delivery in summary.deliveries {
      attempts[delivery.number] = try self.attempts(delivery.number)
    }
    return EventDetail(
      summary: summary, envelope: event.textBytes(0), dedupKey: event.optionalText(1),
      attempts: attempts, nonMatches: try nonMatches(summary.sequence),
      nonMatchesMore: event.int(2))
  }

  private func attempts(_ delivery: Int64) throws(StoreError) -> [AttemptSummary] {
    let query = try connection.prepare(
      """
      SELECT number, started_at, ended_at, outcome, status_code, error, duration_ms,
        response_excerpt, output, prompt_hash, transforms
      FROM v_attempts WHERE delivery = ?1 ORDER BY number
      """)
    query.bind(1, delivery)
    var list: [AttemptSummary] = []
    while try query.step(doing: "read attempts") {
      list.append(
        AttemptSummary(
          number: query.int(0), startedAt: query.text(1), endedAt: query.optionalText(2),
          outcome: query.optionalText(3), statusCode: query.optionalInt(4),
          error: query.optionalText(5), durationMs: query.optionalInt64(6),
          responseExcerpt: query.optionalText(7), output: query.optionalText(8),
          promptHash: query.optionalText(9), transforms: query.optionalTextBytes(10)))
    }
    return list
  }

  private func nonMatches(_ sequence: Int64) throws(StoreError) -> [NonMatchSummary] {
    let query = try connection.prepare(SQL.nonMatchesOfEvent)
    query.bind(1, sequence)
    query.bind(2, nil as String?)
    var list: [NonMatchSummary] = []
    while try query.step(doing: "read the decision record") {
      list.append(
        NonMatchSummary(
          route: query.text(1), path: query.text(2), expected: query.text(3),
          actual: query.optionalText(4), isRegexLimit: query.int(5) != 0))
    }
    return list
  }
}
