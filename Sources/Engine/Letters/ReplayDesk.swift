import Store

/// Carries out replays in the file, with a runtime or without one.
struct ReplayDesk: Sendable {
  let store: EventStore
  let time: TimeSource
  /// Where an event would go now; nil where no configuration is loaded.
  let rematch: (@Sendable (EventView) -> [DeliveryRecord]?)?

  struct Result: Sendable {
    var report: ReplayReport
    var places: [QueuePlace] = []
    /// The replay has begun just now.
    var isNew = false
    /// It was not done before.
    var wentOn = false
  }

  // MARK: Asking

  /// What an order would do now; nothing is written.
  func dryRun(_ order: ReplayOrder) async throws -> ReplayReport {
    let order = try await resolved(order)
    var report = ReplayReport()
    let source = try await source(of: order, &report)
    let names = try await store.inspection.routeNames()
    var counts: [Int64: Int] = [:]
    var filter = source.filter
    filter.below = try await store.newestEvent() + 1
    while true {
      let page = try await store.inspection.replayPage(filter, of: source.sequences)
      for event in page.events {
        let targets = try targets(of: event, order, names)
        if !targets.isEmpty { report.events += 1 }
        report.deliveries += targets.count
        for target in targets { counts[target.route, default: 0] += 1 }
      }
      if page.isLast { break }
      filter.above = page.reached
    }
    report.routes = counts.compactMap { key, count in names[key].map { ($0, count) } }
      .sorted { ($0.name.module, $0.name.name) < ($1.name.module, $1.name.name) }
    return report
  }

  // MARK: Doing

  /// Makes the next deliveries of a replay, beginning it when it is not known: one transaction.
  ///
  /// - Parameters:
  ///   - order: Nil for a replay that has begun.
  ///   - limit: About this many deliveries.
  /// - Throws: ``EngineError`` `.notFound` for an id that is not known, `.conflict` when it was begun
  ///   with another order, or is being carried out by somebody else.
  func step(
    _ order: ReplayOrder?, id: String, limit: Int, requester: String
  ) async throws -> Result {
    let nowMs = time.wallMs
    // Before it is begun: of a module that is not there nothing is remembered.
    let wanted = if let order { try await resolved(order) } else { ReplayOrder?.none }
    let (row, isNew) = try await begun(wanted, id, requester, nowMs)
    let stored = JSONText(checked: Array(row.request.utf8)).value().object ?? [:]
    let order = try ReplayOrder(stored)
    var result = Result(report: ReplayReport(), isNew: isNew)
    let source = try await source(of: order, &result.report)
    guard row.doneAtMs == nil else { return finished(result, row) }
    var filter = source.filter
    filter.below = row.newest + 1
    filter.above = row.reached
    filter.limit = limit
    let found = try await find(order, filter, source.sequences, limit)
    let step = try await EngineError.wrapping { () throws(StoreError) in
      try await store.advance(
        row, found.records, to: found.reached, isDone: found.isLast, nowMs: time.wallMs)
    }
    guard let step else {
      throw EngineError(.conflict, "\(id) is being carried out by somebody else at this moment")
    }
    CrashPoint.lettersCommitted.reached()
    result.wentOn = true
    result.places = step.places
    result.report.full = step.full
    result.report.stepDeliveries = step.places.count
    return finished(result, step.row)
  }

  private func finished(_ result: Result, _ row: ReplayRow) -> Result {
    var result = result
    result.report.replayID = row.id
    result.report.events = row.events
    result.report.deliveries = row.deliveries
    result.report.isDone = row.doneAtMs != nil
    return result
  }

  /// The replay as the file has it, begun if it is not there.
  private func begun(
    _ order: ReplayOrder?, _ id: String, _ requester: String, _ nowMs: Int64
  ) async throws -> (row: ReplayRow, isNew: Bool) {
    guard ReplayDesk.isID(id) else {
      throw EngineError(.invalid, "a replay id is rpl_ and 32 hexadecimal digits")
    }
    if let row = try await store.replay(id) {
      if let order, JSONText(.object(order.json)).description != row.request {
        throw EngineError(
          .conflict, "\(id) was begun with another order",
          hint: "orgloop replay --replay-id \(id) alone goes on with it")
      }
      return (row, false)
    }
    guard let order else { throw EngineError(.notFound, "there is no replay \(id)") }
    if order.mode == .rematch, rematch == nil { throw ReplayDesk.needsRuntime }
    let newest = try await store.newestEvent()
    let row = try await EngineError.wrapping { () throws(StoreError) in
      try await store.begin(
        ReplayRow(
          id: id, request: JSONText(.object(order.json)).description, startedAtMs: nowMs,
          startedBy: requester, newest: newest))
    }
    return (row, true)
  }

  /// What the next step makes, up to where events have been looked at.
  private struct Found {
    var records: [ReplayRecord] = []
    var reached: Int64
    var isLast = false
  }

  private func find(
    _ order: ReplayOrder, _ start: EventFilter, _ sequences: [Int64]?, _ limit: Int
  ) async throws -> Found {
    let names = try await store.inspection.routeNames()
    var filter = start
    var found = Found(reached: start.above ?? 0)
    var count = 0
    // Bounded: where few events match, whoever asked is told of the way that was made.
    for _ in 0..<Limits.replayPagesMax where count == 0 {
      let page = try await store.inspection.replayPage(filter, of: sequences)
      for event in page.events {
        let targets = try targets(of: event, order, names)
        // An event's deliveries are made together, and there are some in every step.
        if count > 0, count + targets.count > limit { return found }
        found.reached = event.event.sequence
        guard !targets.isEmpty else { continue }
        count += targets.count
        found.records.append(
          ReplayRecord(sequence: event.event.sequence, deliveries: targets))
      }
      found.reached = page.reached
      found.isLast = page.isLast
      if page.isLast { break }
      filter.above = page.reached
    }
    return found
  }

  // MARK: What an event's new deliveries are

  private func targets(
    of event: ReplayCandidate, _ order: ReplayOrder, _ names: [Int64: RouteName]
  ) throws -> [DeliveryRecord] {
    let view = EventView(event.event, source: event.source, module: event.module)
    if case .filter(let query) = order.selection {
      guard query.holds(for: view) else { return [] }
      // They speak of what waited then; who means one of them names it.
      if event.source == SystemEvent.sourceID, event.event.type == EventType.messageReceived.code {
        return []
      }
    }
    func isMeant(_ route: Int64) -> Bool {
      guard let name = names[route] else { return false }
      return (order.route ?? name.name) == name.name && (order.actor ?? name.actor) == name.actor
    }
    var newest: [Int64: PastDelivery] = [:]
    for delivery in event.past { newest[delivery.route] = delivery }
    func hasFailed(_ route: Int64) -> Bool { newest[route]?.state == "dead" }
    switch order.mode {
    case .rematch:
      guard let rematch else { throw ReplayDesk.needsRuntime }
      return (rematch(view) ?? []).filter { record in
        isMeant(record.route) && (!order.onlyFailed || hasFailed(record.route))
      }
    case .sameTargets:
      var seen: Set<Int64> = []
      return event.past.compactMap { past in
        guard seen.insert(past.route).inserted, isMeant(past.route),
          !order.onlyFailed || hasFailed(past.route), let last = newest[past.route]
        else { return nil }
        return DeliveryRecord(
          lane: last.lane, route: last.route,
          orderKey: last.orderKey.map { .text($0) } ?? .none,
          generation: names[last.route]?.generation ?? last.generation)
      }
    }
  }

  private static let needsRuntime = EngineError(
    .unavailable, "a rematch needs a running runtime: the routes that match now are its",
    hint: "start it, or replay with --mode same-targets")

  // MARK: Which events

  private func resolved(_ order: ReplayOrder) async throws -> ReplayOrder {
    guard case .filter(let query) = order.selection else { return order }
    var order = order
    order.selection = .filter(try await store.inspection.resolved(query))
    return order
  }

  private struct Source {
    var filter: EventFilter
    var sequences: [Int64]?
  }

  private func source(
    of order: ReplayOrder, _ report: inout ReplayReport
  ) async throws -> Source {
    switch order.selection {
    case .ids(let ids):
      let numbers = try await store.inspection.eventNumbers(ids)
      var sequences: Set<Int64> = []
      for (id, number) in zip(ids, numbers) {
        if let number, !id.hasPrefix("dlv_"), !id.hasPrefix("trc_") {
          sequences.insert(number)
        } else {
          report.refused.append((id, "there is no such event"))
        }
      }
      return Source(filter: ReplayDesk.oldestFirst(EventFilter()), sequences: sequences.sorted())
    case .filter(var query):
      // They name the deliveries that are made, not those that there were.
      (query.route, query.actor) = (nil, nil)
      return Source(filter: ReplayDesk.oldestFirst(query.filter), sequences: nil)
    }
  }

  private static func oldestFirst(_ filter: EventFilter) -> EventFilter {
    var filter = filter
    filter.above = 0
    filter.limit = Limits.queuePageMax
    return filter
  }

  /// A new id, from random bits.
  static func newID() -> String {
    "rpl_"
      + (0..<4).map { _ in
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
      }.joined()
  }

  static func isID(_ text: String) -> Bool {
    text.hasPrefix("rpl_") && text.utf8.count == 36
      && text.utf8.dropFirst(4).allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
      }
  }
}
