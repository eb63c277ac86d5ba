package import Store
import Synchronization

extension Runtime {
  /// Settles what a crash cut off as interrupted attempts, and lays out the queue as the routes
  /// have it now (design.md 5, invariant 5).
  func recover(_ table: RouteTable, _ keys: [String: ModuleKeys]) async throws {
    var routes: [Int64: RouteTable.Entry] = [:]
    var lanes: [Int64: Int64] = [:]
    for entry in table.entries {
      guard let keys = keys[entry.module], let route = keys.routes[entry.route.name] else {
        continue
      }
      routes[route] = entry
      lanes[route] = keys.lanes[entry.route.laneName]
    }
    self.routes.withLock { $0 = routes }
    try await settleInterrupted()
    CrashPoint.recoverySettled.reached()
    let longestMs = routes.values.map(\.route.delivery.retry.maxDelayMs).max() ?? 0
    let dueMaxMs = time.steadyMs + max(longestMs, Limits.retryAfterMsMax)
    let count = try await store.arrangeQueue(lanes: lanes, dueMaxMs: dueMaxMs)
    CrashPoint.recoveryArranged.reached()
    recovered.withLock { $0 = count }
  }

  /// Records attempts that nothing will end any more: at a start those of the last runtime, at a
  /// stop those that did not end within its limit.
  func settleInterrupted() async throws {
    let routes = routes.withLock { $0 }
    let records = try await store.interrupted().map { start, delivery in
      interrupted(start, delivery, delivery.flatMap { routes[$0.route] })
    }
    if !records.isEmpty { try await store.settle(records) }
  }

  /// The outcome of an attempt that the end of the last runtime cut off. It counts; an event that
  /// kills the process at its last attempt dies here, and its dead letter is an event like any.
  ///
  /// - Parameters:
  ///   - delivery: Nil when it is not in its queue any more.
  ///   - entry: Nil when its route is gone; then the built-in policy decides.
  private func interrupted(
    _ start: StartRecord, _ delivery: QueuedDelivery?, _ entry: RouteTable.Entry?
  ) -> SettleRecord {
    var generator = SystemRandomNumberGenerator()
    let outcome = AttemptOutcome(.interrupted, error: "the runtime ended during the attempt")
    let disposition = Disposition.decide(
      .actor(outcome), attempts: start.number - (delivery?.attemptsBefore ?? 0),
      policy: entry?.route.delivery.retry ?? RetryPolicy(), nowMs: time.steadyMs,
      using: &generator)
    var record = SettleRecord(
      start: start, route: delivery?.route ?? 0, orderKey: delivery?.orderKey,
      createdAtMs: delivery?.createdAtMs, replay: delivery?.replay, endedAtMs: time.wallMs,
      outcome: outcome.kind.rawValue, error: outcome.error, disposition: disposition)
    if case .settled(state: "dead", let reason) = disposition, let delivery, let entry {
      let letter = deliveryEnvironment.deadLetter(
        of: deliveryEnvironment.event(of: delivery.event),
        deliveryID: bus.identity.deliveryID(
          number: delivery.delivery, acceptedAtMs: delivery.event.acceptedAtMs),
        attempts: start.number, reason: reason, error: outcome.error, module: entry.module,
        route: entry.route)
      if let letter { record.followUps = [letter.record] }
    }
    return record
  }
}

extension EventStore {
  /// ``settle(_:completion:)`` for callers that wait.
  package func settle(_ records: [SettleRecord]) async throws(StoreError) {
    let result = await withCheckedContinuation { continuation in
      settle(records) { continuation.resume(returning: $0) }
    }
    _ = try result.get()
  }
}
