/// How much came and went in the last day and the last week, by the time at which the events were
/// accepted.
package struct Tally: Sendable {
  /// By state of the deliveries; events have the one state `events`.
  package var day: [String: Int] = [:]
  package var week: [String: Int] = [:]
  /// Only the newest part of the week was looked at: the true numbers are larger.
  package var isMinimum = false
  /// Of the newest event.
  package var newest: (id: String, acceptedAtMs: Int64)?
}

/// What is counted.
package enum TallyObject: Sendable, Hashable {
  case source(String, module: String)
  case route(String, module: String)
  /// What all routes to it have sent.
  case actor(String, module: String)
}

/// What the routes of all modules have settled of the events of the last day.
package struct DayCounts: Sendable {
  package struct Count: Sendable {
    package let module: String
    package let route: String
    package let actorModule: String
    package let actor: String
    package let state: String
    package let count: Int
  }

  /// None for a route and a state that there were none of.
  package var counts: [Count] = []
  /// Only the newest were looked at: the true numbers are larger.
  package var isMinimum = false
}

extension StoreReader {
  /// 50,000: rows that are looked at for one status, some 20 ms: it is asked for often.
  package static let dayRowsMax = 50_000

  /// - Complexity: At most ``dayRowsMax`` rows of the log's end.
  package func dayCounts(
    nowMs: Int64, rowsMax: Int = StoreReader.dayRowsMax
  ) async throws(StoreError) -> DayCounts {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        try TallyReader(connection: reader.connection, nowMs: nowMs, rowsMax: rowsMax).day()
      }
    }
  }

  /// 200,000: rows that are looked at for one answer. In a week of more only the newest are.
  package static let tallyRowsMax = 200_000

  /// What came of an object in the last day and week; nil for one that this file does not know.
  ///
  /// - Complexity: At most ``tallyRowsMax`` rows of the log's end.
  package func tally(
    of object: TallyObject, nowMs: Int64, rowsMax: Int = StoreReader.tallyRowsMax
  ) async throws(StoreError) -> Tally? {
    try await read { reader throws(StoreError) in
      try reader.snapshot { () throws(StoreError) in
        try TallyReader(connection: reader.connection, nowMs: nowMs, rowsMax: rowsMax).tally(object)
      }
    }
  }
}

extension StoreReader {
  /// Until when the breaker of a route, or of an actor, is open; past that moment one attempt decides.
  /// Nil = it is closed.
  ///
  /// - Parameter kind: `route` or `actor`.
  package func breaker(
    _ kind: String, _ name: String, module: String
  ) async throws(StoreError) -> Int64? {
    try await read { reader throws(StoreError) in
      let query = try reader.connection.prepare(
        kind == "route" ? SQL.routeBreaker : SQL.actorBreaker)
      query.bind(1, module)
      query.bind(2, name)
      guard try query.step(doing: "read a breaker") else { return nil }
      return query.optionalInt64(0)
    }
  }
}

/// Counts in one read transaction.
private struct TallyReader {
  static let dayMs: Int64 = 86_400_000

  let connection: Connection
  let nowMs: Int64
  let rowsMax: Int

  private static let doing = "count what an object has done"

  /// Where the day and the week begin in the log.
  private struct Window {
    var week: Int64
    var day: Int64
    var isCut: Bool
    var isDayCut: Bool
  }

  func tally(_ object: TallyObject) throws(StoreError) -> Tally? {
    switch object {
    case .source(let id, let module):
      guard let key = try keys(SQL.sourceKey, module, id).first else { return nil }
      return try events(of: key)
    case .route(let name, let module):
      let keys = try keys(SQL.routeKey, module, name)
      return keys.isEmpty ? nil : try deliveries(of: keys)
    case .actor(let id, let module):
      let keys = try keys(SQL.routesToActor, module, id)
      return keys.isEmpty ? nil : try deliveries(of: keys)
    }
  }

  private func keys(_ sql: String, _ module: String, _ name: String) throws(StoreError) -> [Int64] {
    let query = try connection.prepare(sql)
    query.bind(1, module)
    query.bind(2, name)
    var keys: [Int64] = []
    while try query.step(doing: TallyReader.doing) { keys.append(query.int64(0)) }
    return keys
  }

  private func events(of source: Int64) throws(StoreError) -> Tally {
    var tally = Tally()
    guard let window = try window() else { return tally }
    let query = try connection.prepare(SQL.countSourceEvents)
    query.bind(1, window.week)
    query.bind(2, source)
    query.bind(3, window.day)
    guard try query.step(doing: TallyReader.doing) else { return tally }
    tally.week["events"] = query.int(0)
    tally.day["events"] = query.int(1)
    tally.isMinimum = window.isCut
    if let newest = query.optionalInt64(2) { tally.newest = try event(newest) }
    return tally
  }

  private func deliveries(of routes: [Int64]) throws(StoreError) -> Tally {
    var tally = Tally()
    guard let window = try window() else { return tally }
    let query = try connection.prepare(SQL.countSettled)
    query.bind(1, window.week << 16)
    query.bind(2, rowsMax)
    query.bind(3, window.day << 16)
    query.bind(4, "[" + routes.map(String.init).joined(separator: ",") + "]")
    var newest: Int64?
    while try query.step(doing: TallyReader.doing) {
      let state = query.text(0)
      tally.week[state] = query.int(1)
      tally.day[state] = query.int(2)
      newest = max(newest ?? 0, query.int64(3))
    }
    let isCut = try isCut(from: window.week << 16)
    tally.isMinimum = window.isCut || isCut
    if let newest { tally.newest = try event(newest >> 16) }
    return tally
  }

  func day() throws(StoreError) -> DayCounts {
    var day = DayCounts()
    guard let window = try window() else { return day }
    let query = try connection.prepare(SQL.countSettledByRoute)
    query.bind(1, window.day << 16)
    query.bind(2, rowsMax)
    while try query.step(doing: TallyReader.doing) {
      day.counts.append(
        DayCounts.Count(
          module: query.text(0), route: query.text(1), actorModule: query.text(2),
          actor: query.text(3), state: query.text(4), count: query.int(5)))
    }
    let isCut = try isCut(from: window.day << 16)
    day.isMinimum = window.isDayCut || isCut
    return day
  }

  /// Whether there are more deliveries than were looked at.
  private func isCut(from delivery: Int64) throws(StoreError) -> Bool {
    let query = try connection.prepare(SQL.settledBeyond)
    query.bind(1, delivery)
    query.bind(2, rowsMax)
    return try query.step(doing: TallyReader.doing)
  }

  private func event(
    _ sequence: Int64
  ) throws(StoreError) -> (id: String, acceptedAtMs: Int64)? {
    let query = try connection.prepare(
      """
      SELECT
        coalesce(
          e.external_id,
          printf('evt_%012x%s%016x', e.accepted_at_ms, n.middle, n.base | (e.sequence << 16))
        ),
        e.accepted_at_ms
      FROM events AS e, node AS n WHERE e.sequence = ?1
      """)
    query.bind(1, sequence)
    guard try query.step(doing: TallyReader.doing) else { return nil }
    return (query.text(0), query.int64(1))
  }

  /// Found by halving: the log is in the order of acceptance, and so is the time but for a clock that
  /// was set back. Nil when there are no events.
  private func window() throws(StoreError) -> Window? {
    let range = try connection.prepare(SQL.eventRange)
    guard try range.step(doing: TallyReader.doing), let oldest = range.optionalInt64(0),
      let newest = range.optionalInt64(1)
    else { return nil }
    let query = try connection.prepare(SQL.eventFrom)
    let week = try first(since: nowMs - 7 * TallyReader.dayMs, oldest, newest + 1, query)
    let day = try first(since: nowMs - TallyReader.dayMs, week, newest + 1, query)
    let from = newest - Int64(rowsMax) + 1
    return Window(
      week: max(week, from), day: max(day, from), isCut: week < from, isDayCut: day < from)
  }

  private func first(
    since ms: Int64, _ low: Int64, _ high: Int64, _ query: borrowing Statement
  ) throws(StoreError) -> Int64 {
    var (low, high) = (low, high)
    while low < high {
      let middle = low + (high - low) / 2
      query.bind(1, middle)
      let isThere = try query.step(doing: TallyReader.doing)
      let (sequence, acceptedMs) = isThere ? (query.int64(0), query.int64(1)) : (high, Int64.max)
      query.reset()
      if acceptedMs < ms { low = sequence + 1 } else { high = middle }
    }
    return low
  }
}
