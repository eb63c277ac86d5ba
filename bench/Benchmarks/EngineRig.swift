import Engine
import Store

/// A runtime at work on a file, and publishers that wait until each of their events is durable.
struct EngineRig {
  let store: EventStore
  let runtime: Runtime
  let actor: NoOpActor

  /// Lends a running runtime; it is stopped and its file closed afterwards.
  ///
  /// - Parameters:
  ///   - path: The database; made when it is not there.
  ///   - isRouted: Whether the source's events go to the actor, or nowhere.
  ///   - queueDepth: Of the actor's queue, which parks what is more.
  static func use<Value>(
    _ path: String, isRouted: Bool = true, queueDepth: Int = 10_000_000,
    _ body: (EngineRig) async throws -> Value
  ) async throws -> Value {
    let store = try EventStore(path: path)
    defer { store.close() }
    let actor = NoOpActor()
    let runtime = Runtime(
      store: store, settings: RuntimeSettings(), catalog: Workbench.catalog(actor))
    try await runtime.load(
      [Workbench.module(isRouted: isRouted, queueDepth: queueDepth)], loadedBy: "bench")
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await runtime.run() }
      let value = try await body(EngineRig(store: store, runtime: runtime, actor: actor))
      runtime.beginStop(timeoutMs: 1_000)
      try await group.waitForAll()
      return value
    }
  }

  /// Publishes that many events and returns when the last one is accepted.
  ///
  /// - Returns: How long it took.
  func publish(_ events: Int, publishers: Int) async throws -> Duration {
    let draft = try Workbench.draft()
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for publisher in 0..<publishers {
        group.addTask {
          for _ in stride(from: publisher, to: events, by: publishers) {
            _ = try await runtime.intake.accept([draft], module: "default", source: "in")
          }
        }
      }
      try await group.waitForAll()
    }
    return ContinuousClock.now - start
  }

  /// Returns when the actor has been called that often and the queue is empty.
  ///
  /// It looks at a counter of this process until the actor is done: only then is the database
  /// asked, which has a few commits left to do by that time.
  func settle(_ deliveries: Int) async throws {
    while actor.delivered < deliveries { try await Task.sleep(for: .milliseconds(1)) }
    while try await !runtime.inspector.queues(nowMs: 0).isEmpty {
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  /// Publishes and settles that many events on an idle runtime.
  ///
  /// - Returns: Events accepted per second, and whole lives per second.
  func wholeLives(
    _ events: Int, publishers: Int
  ) async throws -> (accepted: Double, settled: Double) {
    let before = actor.delivered
    let start = ContinuousClock.now
    let accepted = try await publish(events, publishers: publishers)
    try await settle(before + events)
    let settled = ContinuousClock.now - start
    return (Workbench.perSecond(events, accepted), Workbench.perSecond(events, settled))
  }
}
