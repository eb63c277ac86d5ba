import Store
import Synchronization

extension Runtime {
  /// Settles what an end cut off as interrupted attempts, and brings deliveries into the lanes that
  /// their routes have now (design.md 5, invariant 5). Nothing of these modules runs yet.
  ///
  /// - Parameter layout: What the file has, at the start of the runtime: then everything in it is
  ///   looked after. Nil for modules that come later, of which the registration knows what to move.
  func recover(
    _ modules: [Arrival], layout: [QueuePart]?
  ) async throws(EngineError) {
    do throws(StoreError) {
      let lanes = layout == nil ? Set(modules.flatMap(\.keys.lanes.values)) : nil
      try await settleInterrupted(lanes: lanes, routes: Runtime.policies(modules))
      CrashPoint.recoverySettled.reached()
      if layout != nil {
        let longest = modules.flatMap(\.definition.routes).map(\.delivery.retry.maxDelayMs).max()
        try await store.clampDueTimes(
          to: time.steadyMs + max(longest ?? 0, Limits.retryAfterMsMax))
      }
      for move in Runtime.moves(modules, layout) { try await moveAll(move) }
      CrashPoint.recoveryArranged.reached()
    } catch {
      throw EngineError(error)
    }
  }

  /// What an attempt's end is decided by.
  struct RoutePolicy: Sendable {
    let module: String
    let route: RouteDefinition
  }

  private static func policies(_ modules: [Arrival]) -> [Int64: RoutePolicy] {
    var policies: [Int64: RoutePolicy] = [:]
    for module in modules {
      for route in module.definition.routes {
        guard let key = module.keys.routes[route.name] else { continue }
        policies[key] = RoutePolicy(module: module.definition.name, route: route)
      }
    }
    return policies
  }

  private static func moves(
    _ modules: [Arrival], _ layout: [QueuePart]?
  ) -> [ModuleKeys.Move] {
    var moves = Set(modules.flatMap(\.keys.moves))
    guard let layout else { return Array(moves) }
    var lanes: [Int64: Int64] = [:]
    for module in modules {
      for route in module.definition.routes {
        guard let key = module.keys.routes[route.name] else { continue }
        lanes[key] = module.keys.lanes[route.laneName]
      }
    }
    for part in layout {
      guard let lane = lanes[part.route], lane != part.lane else { continue }
      moves.insert(.init(route: part.route, from: part.lane, to: lane))
    }
    return Array(moves)
  }

  /// Records attempts that nothing will end any more: at a start those of the last runtime, at the
  /// end of a module or of the runtime those that did not end within the limit.
  ///
  /// - Parameters:
  ///   - lanes: Only of these lanes; nil = of all.
  ///   - policies: By route, besides those of the modules at work.
  func settleInterrupted(
    lanes: Set<Int64>?, routes policies: [Int64: RoutePolicy] = [:]
  ) async throws(StoreError) {
    var policies = policies
    for module in table.withLock({ Array($0.modules.values) }) {
      for (key, route) in module.routes where policies[key] == nil {
        policies[key] = RoutePolicy(module: module.name, route: route.worker.route)
      }
    }
    let records = try await store.interrupted(lanes: lanes).map { start, delivery in
      interrupted(start, delivery, delivery.flatMap { policies[$0.route] })
    }
    if !records.isEmpty { try await store.settle(records) }
  }

  /// The outcome of an attempt that the end of a runtime or module cut off. It counts; an event that
  /// kills the process at its last attempt dies here, and its dead letter is an event like any.
  ///
  /// - Parameters:
  ///   - delivery: Nil when it is not in its queue any more.
  ///   - policy: Nil when its route is gone; then the built-in one decides.
  private func interrupted(
    _ start: StartRecord, _ delivery: QueuedDelivery?, _ policy: RoutePolicy?
  ) -> SettleRecord {
    var generator = SystemRandomNumberGenerator()
    let outcome = AttemptOutcome(
      .interrupted, error: "cut off by the end of its module or of the runtime")
    let disposition = Disposition.decide(
      .actor(outcome), attempts: start.number - (delivery?.attemptsBefore ?? 0),
      policy: policy?.route.delivery.retry ?? RetryPolicy(), nowMs: time.steadyMs,
      using: &generator)
    var record = SettleRecord(
      start: start, route: delivery?.route ?? 0, orderKey: delivery?.orderKey,
      createdAtMs: delivery?.createdAtMs, replay: delivery?.replay, endedAtMs: time.wallMs,
      outcome: outcome.kind.rawValue, error: outcome.error, disposition: disposition)
    if case .settled(state: "dead", let reason) = disposition, let delivery, let policy {
      let letter = deliveryEnvironment.deadLetter(
        of: deliveryEnvironment.event(of: delivery.event),
        deliveryID: bus.identity.deliveryID(
          number: delivery.delivery, acceptedAtMs: delivery.event.acceptedAtMs),
        attempts: start.number, reason: reason, error: outcome.error, module: policy.module,
        route: policy.route)
      if let letter { record.followUps = [letter.record] }
    }
    return record
  }
}

extension EventStore {
  /// ``settle(_:completion:)`` for callers that wait.
  func settle(_ records: [SettleRecord]) async throws(StoreError) {
    let result = await withCheckedContinuation { continuation in
      settle(records) { continuation.resume(returning: $0) }
    }
    _ = try result.get()
  }
}
