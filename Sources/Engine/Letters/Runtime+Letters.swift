import Store
import Synchronization

/// Requeue and drop beside lanes that work.
extension Runtime {
  /// Carries out one part of an order; its lanes are told when it is on the disk.
  ///
  /// - Throws: ``EngineError`` `.invalid`, `.closed`, `.unavailable`, `.full`.
  package func carryOut(
    _ order: LetterOrder, requester: String
  ) async throws -> LetterReport {
    try refuseWhenStopping()
    let desk = LetterDesk(store: store, time: time)
    let part = try await desk.part(of: order)
    let result = try await carryOut(order, part, desk)
    takeBack(result.places)
    await lookAgain(in: Array(result.emptied))
    if order.after == nil, result.report.done > 0 {
      noteOperatorAction(order.logged, target: order.shown(result.report), requester: requester)
    }
    return result.report
  }

  private func carryOut(
    _ order: LetterOrder, _ part: LetterDesk.Part, _ desk: LetterDesk
  ) async throws -> LetterDesk.Result {
    guard order.action == .drop, part.states.contains(LetterQuery.State.parked.rawValue) else {
      return try await EngineError.wrapping { () throws(StoreError) in
        try await desk.carryOut(order, part, resting: [])
      }
    }
    // What is parked because something is not at work could be back at work when it is dropped, and
    // be delivered as well: nothing comes back while the names are held.
    let routes = part.routes.union(
      try await store.inspection.routes(
        ofUnsettled: part.letters.filter { $0.route == nil }.map(\.number)))
    let modules = try await store.inspection.modulesOfRoutes(routes)
    let names = modules.values.reduce(into: Set<String>()) { $0.formUnion($1) }
    return try await hold(names.sorted()[...]) { () throws(EngineError) in
      let (resting, lanes) = table.withLock { table in
        (table.resting(routes), table.lanes.values.map(\.lane))
      }
      // A lane may not have heard yet that it is to let go of them.
      _ = await withTimeout(ms: Limits.endMsMax, time: time) {
        for lane in lanes { await lane.waitUntilIdle(resting) }
      }
      return try await EngineError.wrapping { () throws(StoreError) in
        try await desk.carryOut(order, part, resting: resting)
      }
    }
  }

  /// Holds modules in the order of their names, and the pauses last, so that two that hold several
  /// never wait for each other.
  private func hold<Value>(
    _ names: ArraySlice<String>, _ body: () async throws(EngineError) -> Value
  ) async throws(EngineError) -> Value {
    guard let name = names.first else {
      return try await moduleLocks.hold(Runtime.pauseLock, body)
    }
    return try await moduleLocks.hold(name) { () throws(EngineError) in
      try await hold(names.dropFirst(), body)
    }
  }

  /// Tells lanes of deliveries that are in their queues again.
  func takeBack(_ places: [QueuePlace]) {
    let byLane = Dictionary(grouping: places, by: \.lane)
    let lanes = table.withLock { table in
      byLane.keys.compactMap { key in table.lanes[key].map { ($0.lane, byLane[key] ?? []) } }
    }
    for (lane, places) in lanes { lane.takeBack(places) }
  }

  /// Carries out an order to its end in the background, as far as the runtime lives; what is left
  /// then stays as it is.
  ///
  /// - Returns: How many deliveries the order concerns now.
  package func beginLetters(
    _ order: LetterOrder, perSecond: Double?, requester: String
  ) async throws -> Int {
    var (order, pace) = (order, PartPace(perSecond: perSecond))
    order.limit = pace.size
    let first = try await carryOut(order, requester: requester)
    guard let next = first.next else { return first.total ?? first.matched }
    order.after = next
    let startMs = time.steadyMs
    let readyMs = pace.note(first.done)
    _ = supervisor.start { [self, order, pace] in
      var (order, pace, readyMs) = (order, pace, readyMs)
      var retryMs = LaneLoop.retryMsMin
      while await stopping.sleep(ms: max(startMs + readyMs - time.steadyMs, 0), time: time) {
        do {
          let report = try await carryOut(order, requester: requester)
          guard let next = report.next else { return }
          order.after = next
          readyMs = pace.note(report.done)
          retryMs = LaneLoop.retryMsMin
        } catch {
          reportSystemError("dead letters cannot be written: \(error)")
          readyMs = time.steadyMs - startMs + retryMs
          retryMs = min(retryMs * 2, LaneLoop.retryMsMax)
        }
      }
    }
    return first.total ?? first.matched
  }
}

extension LetterOrder {
  /// As `operator.action` names it.
  var logged: String { "dlq \(action.rawValue)" }

  /// What it concerns, for the log.
  func shown(_ report: LetterReport) -> String {
    switch selection {
    case .ids(let ids):
      ids.count == 1 ? ids[0] : "\(ids[0]) and \(ids.count - 1) more"
    case .all(let query):
      "\(report.total ?? report.done) deliveries: \(JSONText(.object(query.json)))"
    }
  }
}
