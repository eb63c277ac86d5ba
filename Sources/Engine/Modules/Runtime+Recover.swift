import Store
import Synchronization

extension Runtime {
  /// Settles what the end of the last runtime cut off as interrupted attempts, and brings deliveries
  /// into the lanes that their routes have now (design.md 5, invariant 5). Nothing runs yet.
  ///
  /// What belongs to modules that are loaded after these is left for them.
  func recover(boot modules: [Arrival], _ layout: [QueuePart]) async throws(EngineError) {
    do throws(StoreError) {
      let policies = Runtime.policies(modules)
      var running: Set<Int64> = []
      try await settleInterrupted(routes: policies) { start, delivery in
        guard let delivery, policies[delivery.route] == nil else { return true }
        running.insert(start.delivery)
        return false
      }
      CrashPoint.recoverySettled.reached()
      let longest = modules.flatMap(\.definition.routes).map(\.delivery.retry.maxDelayMs).max()
      try await store.clampDueTimes(
        to: time.steadyMs + max(longest ?? 0, Limits.retryAfterMsMax))
      for move in Runtime.moves(modules, layout) { try await moveAll(move) }
      CrashPoint.recoveryArranged.reached()
      leftOver.withLock { $0 = LeftOver(running: running, layout: layout) }
    } catch {
      throw EngineError(error)
    }
  }

  /// The same for a module that is loaded while others run, in lanes of theirs perhaps.
  func recover(_ module: Arrival) async throws(EngineError) {
    do throws(StoreError) {
      let left = leftOver.withLock { $0 }
      let policies = Runtime.policies([module])
      let lanes = module.keys.ownLanes
      try await settleInterrupted(routes: policies) { start, delivery in
        left.running.contains(start.delivery)
          ? delivery.map { policies[$0.route] != nil } ?? true : lanes.contains(start.lane)
      }
      CrashPoint.recoverySettled.reached()
      let moves = Runtime.moves([module], left.layout)
      for move in moves { try await moveAll(move) }
      await lookAgain(in: moves.flatMap { [$0.from, $0.to] })
      CrashPoint.recoveryArranged.reached()
    } catch {
      throw EngineError(error)
    }
  }

  /// What the last runtime left and no module has taken up: its attempts end, and its deliveries
  /// stay for when their modules come.
  func settleLeftOver() async {
    let left = leftOver.withLock { left in
      defer { left = LeftOver() }
      return left
    }
    guard !left.running.isEmpty else { return }
    do throws(StoreError) {
      try await settleInterrupted { start, _ in left.running.contains(start.delivery) }
    } catch {
      reportSystemError("interrupted attempts cannot be settled: \(error)")
    }
  }

  /// What a start has found and not dealt with yet.
  struct LeftOver: Sendable {
    /// Deliveries whose attempt was cut off.
    var running: Set<Int64> = []
    var layout: [QueuePart] = []
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
    _ modules: [Arrival], _ layout: [QueuePart]
  ) -> [ModuleKeys.Move] {
    var moves = Set(modules.flatMap(\.keys.moves))
    guard !layout.isEmpty else { return Array(moves) }
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

  /// Records attempts that nothing will end any more.
  ///
  /// - Parameters:
  ///   - policies: By route, besides those of the modules at work.
  ///   - isMeant: Which of the attempts that the file shows as running.
  func settleInterrupted(
    routes policies: [Int64: RoutePolicy] = [:],
    _ isMeant: (StartRecord, QueuedDelivery?) -> Bool
  ) async throws(StoreError) {
    var policies = policies
    for module in table.withLock({ Array($0.modules.values) }) {
      for (key, route) in module.routes where policies[key] == nil {
        policies[key] = RoutePolicy(module: module.name, route: route.worker.route)
      }
    }
    let cutOff = try await store.interrupted().filter { isMeant($0.0, $0.1) }
      .map { start, delivery in
        interrupted(start, delivery, delivery.flatMap { policies[$0.route] })
      }
    guard !cutOff.isEmpty else { return }
    let result = await withCheckedContinuation { continuation in
      bus.acknowledge(cutOff.map(\.record)) { continuation.resume(returning: $0) }
    }
    for (attempt, receipts) in zip(cutOff, try result.get()) {
      for (letter, receipt) in zip(attempt.letters, receipts) { intake.report(letter, receipt) }
    }
  }

  /// The outcome of an attempt that the end of a runtime or module cut off. It counts; an event that
  /// kills the process at its last attempt dies here, and its dead letter is an event like any.
  ///
  /// - Parameters:
  ///   - delivery: Nil when it is not in its queue any more.
  ///   - policy: Nil when its route is not there; then it waits for it, however often it was tried.
  private func interrupted(
    _ start: StartRecord, _ delivery: QueuedDelivery?, _ policy: RoutePolicy?
  ) -> (record: SettleRecord, letters: [Intake.Routed]) {
    var generator = SystemRandomNumberGenerator()
    let outcome = AttemptOutcome(
      .interrupted, error: "cut off by the end of its module or of the runtime")
    let disposition = Disposition.decide(
      .actor(outcome), attempts: start.number - (delivery?.attemptsBefore ?? 0),
      policy: policy?.route.delivery.retry ?? RetryPolicy(attemptsMax: .max), nowMs: time.steadyMs,
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
      if let letter {
        record.followUps = [letter.record]
        return (record, [letter])
      }
    }
    return (record, [])
  }
}
