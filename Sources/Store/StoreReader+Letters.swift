/// Which deliveries that ended badly, or are parked; in the words of the views.
package struct LetterFilter: Sendable {
  /// `dead`, `dropped`, `skipped` or `parked`.
  package var state: String
  package var reason: String?
  /// Whose event was accepted at this time or later.
  package var fromMs: Int64?
  /// Whose event was accepted before this time.
  package var toMs: Int64?
  /// The module of the route.
  package var module: String?
  package var source: String?
  package var route: String?
  package var actor: String?
  /// 0, 1, 2; see the engine's `EventType`.
  package var type: Int?
  package var platformEvent: String?

  package init(state: String) { self.state = state }
}

/// A place among deliveries: the one that was read last.
package struct LetterPlace: Sendable, Hashable {
  /// Of a parked delivery; 0 for those that have ended.
  package var lane: Int64
  package var delivery: Int64

  package init(lane: Int64 = 0, delivery: Int64) {
    self.lane = lane
    self.delivery = delivery
  }

  package static let beginning = LetterPlace(delivery: 0)
}

/// A dead letter as lists show it, with its event where that is asked for.
package struct Letter: Sendable {
  package let place: LetterPlace
  /// The number of the route, and of the module that its actor is in.
  package let route: Int64
  package let summary: DeliverySummary
  package let eventID: String
  package let acceptedAtMs: Int64
  package let source: String
  package let sourceModule: String
  package let type: Int
  package let platformEvent: String?
  /// Of its last attempt.
  package let error: String?
  package let statusCode: Int?
  package let event: EventRow?
}

/// A part of the dead letters, and whether there is more.
package struct LetterPage: Sendable {
  package var letters: [Letter]
  package var isLast: Bool
}

extension StoreReader {
  /// 16 MiB: events of one page together.
  private static let pageBytesMax = 16 << 20

  /// Deliveries that a filter names: oldest first after a place, or newest first before it.
  ///
  /// - Parameters:
  ///   - place: Nil begins at the end that comes first.
  ///   - withEvents: Their events are read too; then a page may be shorter than the limit.
  /// - Complexity: A range of the index settled_failed; for those that are parked a pass over the
  ///   queue.
  package func letters(
    _ filter: LetterFilter, oldestFirst: Bool, from place: LetterPlace?, limit: Int,
    withEvents: Bool
  ) async throws(StoreError) -> LetterPage {
    try await read { reader throws(StoreError) in
      let query = try LetterText(filter, oldestFirst: oldestFirst, place: place, withEvents)
        .prepared(on: reader.connection)
      query.bind(LetterText.limit, limit)
      var page = LetterPage(letters: [], isLast: true)
      var bytes = 0
      while try query.step(doing: "read dead letters") {
        let letter = Letter(query, withEvent: withEvents)
        bytes += letter.event.map { $0.payload.count + $0.provenance.count } ?? 0
        page.letters.append(letter)
        if page.letters.count == limit || bytes > StoreReader.pageBytesMax {
          page.isLast = false
          break
        }
      }
      return page
    }
  }

  /// How many deliveries a filter names.
  package func letterCount(_ filter: LetterFilter) async throws(StoreError) -> Int {
    try await read { reader throws(StoreError) in
      let query = try LetterText(filter, oldestFirst: true, place: nil, false)
        .preparedCount(on: reader.connection)
      return try query.step(doing: "count dead letters") ? query.int(0) : 0
    }
  }

  /// The numbers of deliveries by their ids; nil for an id that this file has not made.
  package func deliveryNumbers(_ ids: [String]) async throws(StoreError) -> [Int64?] {
    try await read { reader throws(StoreError) in
      let identity = try reader.identity()
      let query = try reader.connection.prepare(SQL.eventIdentity)
      var numbers: [Int64?] = []
      for id in ids {
        defer { query.reset() }
        // An attempt's id is its delivery's with a number.
        guard let made = identity.number(in: String(id.prefix { $0 != "/" }), prefix: "dlv_") else {
          numbers.append(nil)
          continue
        }
        query.bind(1, Identity.sequence(of: made.number))
        let isThere =
          try query.step(doing: "find a delivery") && query.int64(0) == made.acceptedAtMs
          && made.number & 0xFFFF < query.int64(3)
        numbers.append(isThere ? made.number : nil)
      }
      return numbers
    }
  }

  /// The routes of those deliveries that have not ended.
  package func routes(ofUnsettled numbers: [Int64]) async throws(StoreError) -> Set<Int64> {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(SQL.unsettledState)
      var routes: Set<Int64> = []
      for number in numbers {
        defer { query.reset() }
        query.bind(1, number)
        if try query.step(doing: "find a delivery") { routes.insert(query.int64(3)) }
      }
      return routes
    }
  }

  /// The event as the transforms left it; nil where they changed nothing, or none ran to its end.
  package func transformedEvent(delivery: Int64) async throws(StoreError) -> [UInt8]? {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare("SELECT event FROM transformed WHERE delivery = ?1")
      query.bind(1, delivery)
      return try query.step(doing: "read a transformed event") ? query.textBytes(0) : nil
    }
  }

  /// The lanes and modules that a route's deliveries need, by its number: the module of the route
  /// and that of its actor.
  package func modulesOfRoutes(
    _ routes: Set<Int64>
  ) async throws(StoreError) -> [Int64: Set<String>] {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        """
        SELECT r.key, m.name, am.name
        FROM routes AS r
          JOIN modules AS m ON m.key = r.module
          LEFT JOIN lanes AS l ON l.key = r.actor_lane
          LEFT JOIN modules AS am ON am.key = l.module
        WHERE r.key IN (SELECT value FROM json_each(?1))
        """)
      query.bind(1, numberList(Array(routes)))
      var modules: [Int64: Set<String>] = [:]
      while try query.step(doing: "read the modules of routes") {
        modules[query.int64(0)] = Set([query.text(1), query.optionalText(2)].compactMap { $0 })
      }
      return modules
    }
  }
}

extension Letter {
  fileprivate init(_ row: borrowing Statement, withEvent: Bool) {
    place = LetterPlace(lane: row.int64(15), delivery: row.int64(0))
    route = row.int64(16)
    summary = ReaderConnection.delivery(row)
    eventID = row.text(17)
    acceptedAtMs = row.int64(18)
    source = row.text(19)
    sourceModule = row.text(20)
    type = row.int(21)
    platformEvent = row.optionalText(22)
    error = row.optionalText(23)
    statusCode = row.optionalInt(24)
    event =
      withEvent
      ? EventRow(
        sequence: row.int64(0) >> 16, acceptedAtMs: row.int64(18), source: row.int64(25),
        type: row.int(21), provenance: row.textBytes(26), payload: row.textBytes(27),
        extra: row.optionalTextBytes(28), externalID: row.optionalText(29),
        traceID: row.optionalText(30)) : nil
  }
}

/// The text of a question about dead letters. Conditions that are not given are left out of it;
/// values are always bound.
private struct LetterText {
  /// The parameter of the limit.
  static let limit: Int32 = 200

  private var conditions: [String] = []
  private var integers: [Int64] = []
  private var texts: [String] = []
  private let rows: String
  private let order: String
  private let columns: String

  init(
    _ filter: LetterFilter, oldestFirst: Bool, place: LetterPlace?, _ withEvents: Bool
  ) {
    let isParked = filter.state == "parked"
    rows = isParked ? LetterText.parked : LetterText.ended
    columns = LetterText.columns + (withEvents ? LetterText.eventColumns : "")
    // The queue's key begins with the lane: going on after a place costs no second pass.
    order =
      switch (isParked, oldestFirst) {
      case (true, true): "d.lane, d.delivery"
      case (false, true): "d.delivery"
      default: "d.delivery DESC"
      }
    text("d.state = ?", filter.state)
    if !isParked { conditions.append("d.state <> 'delivered'") }
    if let place {
      if isParked, oldestFirst {
        integers += [place.lane, place.delivery]
        conditions.append("(d.lane, d.delivery) > (?1, ?2)")
      } else {
        integer(oldestFirst ? "d.delivery > ?" : "d.delivery < ?", place.delivery)
      }
    }
    text(isParked ? "d.wait_reason = ?" : "d.reason = ?", filter.reason)
    integer("e.accepted_at_ms >= ?", filter.fromMs)
    integer("e.accepted_at_ms < ?", filter.toMs)
    integer("e.type = ?", filter.type.map(Int64.init))
    text("m.name = ?", filter.module)
    text("r.name = ?", filter.route)
    text("r.actor = ?", filter.actor)
    text("s.id = ?", filter.source)
    text("json_extract(e.provenance, '$.platform_event') = ?", filter.platformEvent)
  }

  private mutating func integer(_ condition: String, _ value: Int64?) {
    guard let value else { return }
    integers.append(value)
    conditions.append(condition.replacing("?", with: "?\(integers.count)"))
  }

  private mutating func text(_ condition: String, _ value: String?) {
    guard let value else { return }
    texts.append(value)
    conditions.append(condition.replacing("?", with: "?\(100 + texts.count)"))
  }

  func prepared(on connection: Connection) throws(StoreError) -> Statement {
    try bound(
      connection,
      """
      SELECT \(columns)
      \(rows)
        LEFT JOIN attempts AS a ON a.delivery = d.delivery AND a.number = d.attempts
      WHERE \(conditions.joined(separator: " AND "))
      ORDER BY \(order)
      LIMIT ?\(LetterText.limit)
      """)
  }

  func preparedCount(on connection: Connection) throws(StoreError) -> Statement {
    try bound(
      connection,
      "SELECT count(*) \(rows) WHERE \(conditions.joined(separator: " AND "))")
  }

  private func bound(_ connection: Connection, _ sql: String) throws(StoreError) -> Statement {
    let query = try connection.prepare(sql)
    for (index, value) in integers.enumerated() { query.bind(Int32(index + 1), value) }
    for (index, value) in texts.enumerated() { query.bind(Int32(index + 101), value) }
    return query
  }

  private static let joins = """
      CROSS JOIN events AS e ON e.sequence = d.delivery >> 16
      CROSS JOIN routes AS r ON r.key = d.route
      CROSS JOIN modules AS m ON m.key = r.module
      CROSS JOIN sources AS s ON s.key = e.source
      CROSS JOIN modules AS sm ON sm.key = s.module
      CROSS JOIN node AS n ON n.id = 1
    """

  /// Partial index settled_failed, in its order.
  private static let ended = """
    FROM (
      SELECT delivery, 0 AS lane, route, state, reason, NULL AS wait_reason, NULL AS due_at_ms,
        attempts, order_key, generation, created_at_ms, settled_at_ms, replay
      FROM settled INDEXED BY settled_failed
      WHERE state <> 'delivered'
    ) AS d
    """ + joins

  /// A pass over the queue: what is parked stands in other tables.
  private static let parked = """
    FROM (
      SELECT delivery, lane, route, state, NULL AS reason, wait_reason, due_at_ms, attempts,
        order_key, generation, created_at_ms, NULL AS settled_at_ms, replay
      FROM unsettled
    ) AS d
    """ + joins

  /// Those of ``SQL/deliveriesOfEvent`` first.
  private static let columns = """
    d.delivery, printf('dlv_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | d.delivery),
      m.name, r.name, r.actor, d.state, d.reason, d.wait_reason,
      strftime('%Y-%m-%dT%H:%M:%fZ', d.due_at_ms / 1000.0, 'unixepoch'),
      d.attempts, d.order_key, d.generation,
      strftime(
        '%Y-%m-%dT%H:%M:%fZ', coalesce(d.created_at_ms, e.accepted_at_ms) / 1000.0, 'unixepoch'
      ),
      strftime('%Y-%m-%dT%H:%M:%fZ', d.settled_at_ms / 1000.0, 'unixepoch'), d.replay,
      d.lane, d.route,
      coalesce(
        e.external_id,
        printf('evt_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
      ),
      e.accepted_at_ms, s.id, sm.name, e.type, json_extract(e.provenance, '$.platform_event'),
      substr(a.error, 1, 2000), a.status_code
    """

  private static let eventColumns =
    ", e.source, e.provenance, e.payload, e.extra, e.external_id, e.trace"
}
