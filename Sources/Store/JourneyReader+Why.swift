/// What explains where an event went: what unsettled deliveries wait for, and why routes did not
/// match.
extension JourneyReader {
  /// An attempt from a row of ``SQL/newestAttempts``.
  static func attempt(_ row: borrowing Statement) -> AttemptSummary {
    AttemptSummary(
      number: row.int(0), startedAt: row.text(1), endedAt: row.optionalText(2),
      outcome: row.optionalText(3), statusCode: row.optionalInt(4), error: row.optionalText(5),
      durationMs: row.optionalInt64(6), responseExcerpt: nil, output: nil,
      promptHash: row.optionalText(7), transforms: row.optionalTextBytes(8))
  }

  // MARK: What a delivery waits for

  func standing(of row: DeliveryRow) throws(StoreError) -> Standing {
    let (delivery, lane) = (row.summary.number, row.lane)
    var standing = Standing(route: try route(row.route), lane: try self.lane(lane))
    if let running = try running(delivery) {
      standing.running = Standing.Running(number: running.number, sinceMs: running.sinceMs)
      return standing
    }
    guard let key = try readQueued(delivery, lane, &standing), !standing.isHeld else {
      return try counting(delivery, lane, standing)
    }
    try search(key, before: delivery, lane, &standing)
    return try counting(delivery, lane, standing)
  }

  /// The queue's own row; its order key.
  private func readQueued(
    _ delivery: Int64, _ lane: Int64, _ standing: inout Standing
  ) throws(StoreError) -> String? {
    let row = try prepared(SQL.queuedRow)
    defer { row.statement.reset() }
    row.statement.bind(1, lane)
    row.statement.bind(2, delivery)
    guard try row.statement.step(doing: "read a queued delivery") else { return nil }
    standing.dueAtMs = row.statement.optionalInt64(0)
    standing.storedReason = row.statement.optionalText(1)
    return row.statement.optionalText(2)
  }

  /// How much is before a delivery that nothing else holds up.
  private func counting(
    _ delivery: Int64, _ lane: Int64, _ standing: Standing
  ) throws(StoreError) -> Standing {
    guard !standing.isHeld, standing.dueAtMs == nil, standing.ahead == nil else {
      return standing
    }
    var standing = standing
    let older = try prepared(SQL.countOlder)
    defer { older.statement.reset() }
    older.statement.bind(1, lane)
    older.statement.bind(2, delivery)
    older.statement.bind(3, JourneyQuery.olderMax)
    if try older.statement.step(doing: "count what is before a delivery") {
      let count = older.statement.int(0)
      standing.older = BoundedCount(count, isCapped: count == JourneyQuery.olderMax)
    }
    let running = try prepared(SQL.countRunning)
    defer { running.statement.reset() }
    running.statement.bind(1, lane)
    if try running.statement.step(doing: "count what is in flight") {
      standing.runningInLane = running.statement.int(0)
    }
    return standing
  }

  /// Looks for the delivery that must end before another one with its key begins: the oldest whose
  /// route is at work.
  private func search(
    _ key: String, before delivery: Int64, _ lane: Int64, _ standing: inout Standing
  ) throws(StoreError) {
    let older = try prepared(SQL.olderOfKey)
    defer { older.statement.reset() }
    older.statement.bind(1, lane)
    older.statement.bind(2, key)
    older.statement.bind(3, delivery)
    older.statement.bind(4, keyRowsLeft + 1)
    while try older.statement.step(doing: "look along an order key") {
      guard keyRowsLeft > 0 else {
        standing.unsearchedKey = key
        return
      }
      keyRowsLeft -= 1
      let number = older.statement.int64(0)
      let candidate = Standing(
        route: try route(older.statement.int64(1)), lane: try self.lane(lane))
      guard !candidate.isHeld, let event = try self.key(of: Identity.sequence(of: number)) else {
        continue
      }
      standing.ahead = Standing.Ahead(
        deliveryID: identity.deliveryID(number: number, acceptedAtMs: event.acceptedAtMs),
        eventID: event.id, key: key)
      return
    }
  }

  private func route(_ key: Int64) throws(StoreError) -> RouteStanding {
    if let known = routes[key] { return known }
    let row = try connection.prepare(SQL.routeStanding)
    row.bind(1, key)
    guard try row.step(doing: "read a route") else {
      throw StoreError(.corrupt, "a delivery has no route")
    }
    var route = RouteStanding(
      name: row.text(0), actor: row.text(1),
      module: JourneyReader.module(row, from: 3), removedAtMs: row.optionalInt64(2))
    if !row.isNull(6) { route.actorModule = JourneyReader.module(row, from: 6) }
    route.actorDisabledMs = row.optionalInt64(9)
    route.circuitOpenUntilMs = row.optionalInt64(13)
    route.pauses = try pauses(
      module: row.int64(10), route: route.name, actorModule: row.optionalInt64(11),
      actor: row.optionalText(12))
    routes[key] = route
    return route
  }

  /// A module from three columns: name, what is wanted, when that changed.
  private static func module(_ row: borrowing Statement, from column: Int32) -> ModuleStanding {
    let changedAtMs = row.int64(column + 2)
    return ModuleStanding(
      name: row.text(column), isWanted: row.text(column + 1) != "removed",
      // One that another module only names has never been loaded.
      changedAtMs: changedAtMs > 0 ? changedAtMs : nil)
  }

  private func lane(_ key: Int64) throws(StoreError) -> LaneStanding {
    if let known = lanes[key] { return known }
    let row = try connection.prepare(SQL.laneStanding)
    row.bind(1, key)
    guard try row.step(doing: "read a queue's name") else {
      throw StoreError(.corrupt, "a delivery has no queue")
    }
    let lane = LaneStanding(
      kind: row.text(0), name: row.text(1), module: JourneyReader.module(row, from: 2),
      circuitOpenUntilMs: row.optionalInt64(5), nextStartMs: row.optionalInt64(6))
    lanes[key] = lane
    return lane
  }

  /// The widest first: what holds most.
  private func pauses(
    module: Int64, route: String, actorModule: Int64?, actor: String?
  ) throws(StoreError) -> [PauseRow] {
    let row = try connection.prepare(SQL.pausesOfRoute)
    row.bind(1, module)
    row.bind(2, route)
    row.bind(3, actorModule)
    row.bind(4, actor)
    var pauses: [PauseRow] = []
    while try row.step(doing: "read what is paused") {
      pauses.append(
        PauseRow(
          kind: row.text(0), module: row.text(1), name: row.text(2), sinceMs: row.int64(3),
          by: row.text(4), reason: row.optionalText(5), untilMs: row.optionalInt64(6)))
    }
    return pauses
  }

  // MARK: Why a route did not match

  func nonMatches(of sequence: Int64) throws(StoreError) -> [JourneyNonMatch] {
    let row = try connection.prepare(SQL.nonMatchesOfEvent)
    row.bind(1, sequence)
    row.bind(2, query.route)
    var list: [JourneyNonMatch] = []
    while try row.step(doing: "read the decision record") {
      list.append(
        JourneyNonMatch(
          module: row.text(0), route: row.text(1), path: row.text(2), expected: row.text(3),
          actual: row.optionalText(4), isRegexLimit: row.int(5) != 0))
    }
    return list
  }

  /// The configurations that may say why an event has no record of a route: that of its own module,
  /// then those of modules that have, or had, a route of the name.
  func namesakes(of event: JourneyEventHead) throws(StoreError) -> [RouteNamesake] {
    guard let route = query.route else { return [] }
    var list: [RouteNamesake] = []
    let own = try connection.prepare(SQL.documentsOf)
    own.bind(1, event.generation)
    if try own.step(doing: "read a configuration") {
      list.append(
        RouteNamesake(
          module: own.text(2), generation: own.int64(0), documents: own.textBytes(1)))
    }
    let named = try connection.prepare(SQL.namesakes)
    named.bind(1, route)
    named.bind(2, JourneyQuery.namesakesMax)
    let then = try connection.prepare(SQL.documentsAt)
    while try named.step(doing: "look for a route") {
      let name = named.text(1)
      guard !list.contains(where: { $0.module == name }) else { continue }
      defer { then.reset() }
      then.bind(1, named.int64(0))
      then.bind(2, event.acceptedAtMs)
      let isThere = try then.step(doing: "read a configuration")
      list.append(
        RouteNamesake(
          module: name, generation: isThere ? then.int64(0) : nil,
          documents: isThere ? then.textBytes(1) : nil))
    }
    return list
  }
}
