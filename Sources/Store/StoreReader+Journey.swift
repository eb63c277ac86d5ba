extension StoreReader {
  /// What an id leads to and what became of it; nil when it leads nowhere.
  ///
  /// - Parameter id: Of an event, a trace, a delivery or an attempt. Of an event or a delivery the
  ///   whole trace is read, unless the query asks why: then the event alone.
  /// - Complexity: Keys and indexes only (`SQL.journeyEvent` and those beside it).
  package func journey(
    of id: String, _ query: JourneyQuery
  ) async throws(StoreError) -> Journey? {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        try JourneyReader(reader.connection, try reader.identity(), query).journey(of: id)
      }
    }
  }
}

/// Reads one journey. Its statements are prepared once and used for each event.
final class JourneyReader {
  let connection: Connection
  let identity: Identity
  let query: JourneyQuery
  private let eventRow: Statement
  private let identityRow: Statement
  private let settled: Statement
  private let unsettled: Statement
  private let attempts: Statement
  private let runningAttempt: Statement
  private var others: [String: Prepared] = [:]
  private var deliveriesLeft = JourneyQuery.deliveriesMax
  private var attemptsLeft = JourneyQuery.attemptsMax
  var keyRowsLeft = JourneyQuery.keyRowsMax
  /// By number: a route that many deliveries are of is read once.
  var routes: [Int64: RouteStanding] = [:]
  var lanes: [Int64: LaneStanding] = [:]

  init(
    _ connection: Connection, _ identity: Identity, _ query: JourneyQuery
  ) throws(StoreError) {
    self.connection = connection
    self.identity = identity
    self.query = query
    eventRow = try connection.prepare(SQL.journeyEvent)
    identityRow = try connection.prepare(SQL.eventIdentity)
    settled = try connection.prepare(SQL.settledDeliveries)
    unsettled = try connection.prepare(SQL.unsettledDeliveries)
    attempts = try connection.prepare(SQL.newestAttempts)
    runningAttempt = try connection.prepare(SQL.runningAttempt)
  }

  /// A statement that only some answers need.
  final class Prepared {
    let statement: Statement
    init(_ statement: consuming Statement) { self.statement = statement }
  }

  /// Prepared at its first use. Whoever uses it resets it.
  func prepared(_ sql: String) throws(StoreError) -> Prepared {
    if let known = others[sql] { return known }
    let new = Prepared(try connection.prepare(sql))
    others[sql] = new
    return new
  }

  func journey(of id: String) throws(StoreError) -> Journey? {
    guard let place = try place(of: id) else { return nil }
    let (traceID, asked, delivery) = place
    let members: Members
    if let asked, query.explains {
      members = Members(sequences: [asked], count: BoundedCount(1))
    } else {
      members = try self.members(of: traceID, around: asked)
    }
    var events: [JourneyEvent] = []
    for sequence in members.sequences {
      if let event = try event(sequence, only: delivery) { events.append(event) }
    }
    return Journey(
      traceID: traceID, askedDelivery: delivery, events: events, eventCount: members.count)
  }

  // MARK: What an id leads to

  private typealias Place = (traceID: String, event: Int64?, delivery: Int64?)

  private func place(of given: String) throws(StoreError) -> Place? {
    // An attempt's id is its delivery's with a number.
    let id = given.hasPrefix("dlv_") ? String(given.prefix { $0 != "/" }) : given
    if let sequence = try sequence(ofExternal: id), let row = try key(of: sequence) {
      return (row.traceID, sequence, nil)
    }
    for prefix in ["evt_", "dlv_", "trc_"] {
      guard let made = identity.number(in: id, prefix: prefix) else { continue }
      let sequence = Identity.sequence(of: made.number)
      guard let row = try key(of: sequence), row.acceptedAtMs == made.acceptedAtMs else { break }
      if prefix == "evt_" { return (row.traceID, sequence, nil) }
      if prefix == "dlv_", Int(made.number & 0xFFFF) < row.deliveries {
        return (row.traceID, sequence, made.number)
      }
      if prefix == "trc_", row.traceID == id { return (id, nil, nil) }
    }
    return try sequences(ofTrace: id, limit: 1).isEmpty ? nil : (id, nil, nil)
  }

  private func sequence(ofExternal id: String) throws(StoreError) -> Int64? {
    let find = try connection.prepare("SELECT sequence FROM external_ids WHERE id = ?1")
    find.bind(1, id)
    return try find.step(doing: "find an event") ? find.int64(0) : nil
  }

  /// What ids are made of.
  struct EventKey {
    let acceptedAtMs: Int64
    let id: String
    let traceID: String
    /// Of a trace that began here.
    let beginsTrace: Bool
    let deliveries: Int
    let cause: Int64?
  }

  func key(of sequence: Int64) throws(StoreError) -> EventKey? {
    defer { identityRow.reset() }
    identityRow.bind(1, sequence)
    guard try identityRow.step(doing: "find an event") else { return nil }
    let acceptedAtMs = identityRow.int64(0)
    let trace = identityRow.optionalText(2)
    return EventKey(
      acceptedAtMs: acceptedAtMs,
      id: identityRow.optionalText(1)
        ?? identity.eventID(sequence: sequence, acceptedAtMs: acceptedAtMs),
      traceID: trace ?? identity.traceID(sequence: sequence, acceptedAtMs: acceptedAtMs),
      beginsTrace: trace == nil, deliveries: identityRow.int(3),
      cause: identityRow.optionalInt64(4))
  }

  // MARK: The trace

  private struct Members {
    let sequences: [Int64]
    let count: BoundedCount
  }

  /// The events of a trace, by acceptance.
  ///
  /// - Parameter asked: In a trace that is too large, first the way to this one is taken, then what
  ///   it caused.
  private func members(
    of traceID: String, around asked: Int64?
  ) throws(StoreError) -> Members {
    let limit = query.eventsMax
    var all: [Int64] = []
    if let first = try beginning(of: traceID) { all.append(first) }
    all += try sequences(ofTrace: traceID, limit: limit + 1)
    guard all.count > limit else {
      return Members(sequences: all, count: BoundedCount(all.count))
    }
    var chosen: Set<Int64> = []
    if let asked {
      for sequence in try path(to: asked) where chosen.count < limit { chosen.insert(sequence) }
      try addCaused(by: asked, to: &chosen)
    }
    for sequence in all where chosen.count < limit { chosen.insert(sequence) }
    return Members(sequences: chosen.sorted(), count: try count(ofTrace: traceID))
  }

  /// The event that began a trace, for one that began here.
  private func beginning(of traceID: String) throws(StoreError) -> Int64? {
    guard let made = identity.number(in: traceID, prefix: "trc_") else { return nil }
    let sequence = Identity.sequence(of: made.number)
    guard let row = try key(of: sequence), row.beginsTrace,
      row.acceptedAtMs == made.acceptedAtMs
    else { return nil }
    return sequence
  }

  private func sequences(ofTrace id: String, limit: Int) throws(StoreError) -> [Int64] {
    let find = try connection.prepare(SQL.eventsOfTrace)
    find.bind(1, id)
    find.bind(2, limit)
    var found: [Int64] = []
    while try find.step(doing: "read a trace") { found.append(find.int64(0)) }
    return found
  }

  private func count(ofTrace id: String) throws(StoreError) -> BoundedCount {
    let find = try connection.prepare(SQL.countOfTrace)
    find.bind(1, id)
    find.bind(2, JourneyQuery.countMax)
    let first = try beginning(of: id) == nil ? 0 : 1
    guard try find.step(doing: "count a trace") else { return BoundedCount(first) }
    return BoundedCount(
      first + find.int(0), isCapped: find.int(0) == JourneyQuery.countMax)
  }

  /// An event and what led to it, newest first.
  private func path(to asked: Int64) throws(StoreError) -> [Int64] {
    var path = [asked]
    while path.count < query.eventsMax, let last = path.last, let row = try key(of: last),
      let cause = row.cause, Identity.sequence(of: cause) < last
    {
      path.append(Identity.sequence(of: cause))
    }
    return path
  }

  /// What followed from an event, nearest first, until there are enough.
  private func addCaused(
    by asked: Int64, to chosen: inout Set<Int64>
  ) throws(StoreError) {
    let find = try connection.prepare(SQL.eventsCausedBy)
    var waiting = [asked][...]
    while let next = waiting.popFirst(), chosen.count < query.eventsMax {
      defer { find.reset() }
      find.bind(1, next << 16)
      find.bind(2, query.eventsMax)
      while chosen.count < query.eventsMax, try find.step(doing: "read follow-up events") {
        let sequence = find.int64(0)
        if chosen.insert(sequence).inserted { waiting.append(sequence) }
      }
    }
  }

  // MARK: One event

  private func event(_ sequence: Int64, only: Int64?) throws(StoreError) -> JourneyEvent? {
    guard let head = try head(sequence) else { return nil }
    // Why a delivery is where it is does not need its neighbours; a trace shows them all.
    let one = query.explains ? only : nil
    let range = (from: one ?? sequence << 16, to: one ?? sequence << 16 | 0xFFFF)
    let limit = min(deliveriesLeft, JourneyQuery.deliveriesPerEventMax)
    var rows = try read(settled, range, limit: limit + 1).map { ($0.summary, Standing?.none) }
    if head.settledCount < head.deliveryCount {
      for row in try read(unsettled, range, limit: limit + 1) {
        rows.append((row.summary, query.explains ? try standing(of: row) : nil))
      }
    }
    rows.sort { $0.0.number < $1.0.number }
    let more = more(rows.count, limit: limit, head, isFiltered: one != nil)
    rows = Array(rows.prefix(limit))
    deliveriesLeft -= rows.count
    var deliveries: [JourneyDelivery] = []
    for (summary, standing) in rows {
      deliveries.append(
        JourneyDelivery(
          summary: summary, attempts: try attempts(of: summary), standing: standing))
    }
    let explains = query.explains && only == nil
    let nonMatches = explains ? try nonMatches(of: sequence) : []
    let isUnknown = explains && query.route != nil && deliveries.isEmpty && nonMatches.isEmpty
    return JourneyEvent(
      head: head, deliveries: deliveries, deliveriesMore: more, nonMatches: nonMatches,
      namesakes: isUnknown ? try namesakes(of: head) : [])
  }

  /// Deliveries beyond those that are shown. Of one route's there can be so many only with a limit
  /// that was reached; then it is at least one.
  private func more(
    _ found: Int, limit: Int, _ head: JourneyEventHead, isFiltered: Bool
  ) -> Int {
    guard found > limit else { return 0 }
    return isFiltered || query.route != nil ? found - limit : head.deliveryCount - limit
  }

  private func head(_ sequence: Int64) throws(StoreError) -> JourneyEventHead? {
    defer { eventRow.reset() }
    eventRow.bind(1, sequence)
    guard try eventRow.step(doing: "read an event") else { return nil }
    return head(sequence, eventRow)
  }

  private func head(_ sequence: Int64, _ row: borrowing Statement) -> JourneyEventHead {
    let acceptedAtMs = row.int64(0)
    var cause: JourneyEventHead.Cause?
    if let number = row.optionalInt64(13), let causeMs = row.optionalInt64(14) {
      cause = JourneyEventHead.Cause(
        number: number, deliveryID: identity.deliveryID(number: number, acceptedAtMs: causeMs),
        eventID: row.optionalText(15)
          ?? identity.eventID(sequence: Identity.sequence(of: number), acceptedAtMs: causeMs))
    }
    return JourneyEventHead(
      sequence: sequence,
      id: row.optionalText(5)
        ?? identity.eventID(sequence: sequence, acceptedAtMs: acceptedAtMs),
      acceptedAtMs: acceptedAtMs, module: row.text(1), moduleAlias: row.optionalText(16),
      source: row.text(2), type: row.int(3),
      platformEvent: row.optionalText(4),
      traceID: row.optionalText(6)
        ?? identity.traceID(sequence: sequence, acceptedAtMs: acceptedAtMs),
      generation: row.int64(9), duplicates: row.int(10), lastDuplicateMs: row.optionalInt64(11),
      nonMatchesMore: row.int(12), deliveryCount: row.int(7), settledCount: row.int(8),
      cause: cause)
  }

  /// A delivery's row; lane and route only of one that is not settled.
  struct DeliveryRow {
    let summary: DeliverySummary
    let lane: Int64
    let route: Int64
  }

  func running(
    _ delivery: Int64
  ) throws(StoreError) -> (number: Int, startedAt: String, sinceMs: Int64)? {
    defer { runningAttempt.reset() }
    runningAttempt.bind(1, delivery)
    guard try runningAttempt.step(doing: "read an attempt in flight") else { return nil }
    return (runningAttempt.int(0), runningAttempt.text(1), runningAttempt.int64(2))
  }

  private func read(
    _ statement: borrowing Statement, _ range: (from: Int64, to: Int64), limit: Int
  ) throws(StoreError) -> [DeliveryRow] {
    defer { statement.reset() }
    statement.bind(1, range.from)
    statement.bind(2, range.to)
    statement.bind(3, query.route)
    statement.bind(4, limit)
    let hasLane = statement.columnCount > 15
    var rows: [DeliveryRow] = []
    while try statement.step(doing: "read deliveries") {
      rows.append(
        DeliveryRow(
          summary: ReaderConnection.delivery(statement), lane: hasLane ? statement.int64(15) : 0,
          route: hasLane ? statement.int64(16) : 0))
    }
    return rows
  }

  /// The newest attempts of a delivery, oldest first, the one in flight included.
  private func attempts(
    of delivery: DeliverySummary
  ) throws(StoreError) -> [AttemptSummary] {
    let limit = min(attemptsLeft, JourneyQuery.attemptsPerDeliveryMax, delivery.attempts)
    guard limit > 0 else { return [] }
    defer { attempts.reset() }
    attempts.bind(1, delivery.number)
    attempts.bind(2, limit)
    var list: [AttemptSummary] = []
    while try attempts.step(doing: "read attempts") { list.append(JourneyReader.attempt(attempts)) }
    list.reverse()
    if delivery.state == "running", let running = try running(delivery.number) {
      list.append(
        AttemptSummary(
          number: running.number, startedAt: running.startedAt, endedAt: nil, outcome: nil,
          statusCode: nil, error: nil, durationMs: nil, responseExcerpt: nil, output: nil,
          promptHash: nil, transforms: nil))
      if list.count > limit { list.removeFirst() }
    }
    attemptsLeft -= list.count
    return list
  }
}
