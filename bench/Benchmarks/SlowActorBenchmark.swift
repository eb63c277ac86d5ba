import Engine
import Store
import Synchronization

/// How long an event takes from its source to a fast actor, alone and beside a slow actor whose
/// queue grows.
///
/// Arguments: seconds, rounds.
enum SlowActorBenchmark {
  static func run(_ arguments: [String]) async throws {
    let seconds = Workbench.number(arguments, 0, default: 10)
    let rounds = Workbench.number(arguments, 1, default: 3)
    var ratios: [Double] = []
    print(Workbench.load)
    for _ in 0..<rounds {
      let alone = try await latencies(seconds, withSlow: false)
      let beside = try await latencies(seconds, withSlow: true)
      let (p99, p99Beside) = (quantile(alone, 0.99), quantile(beside, 0.99))
      ratios.append(p99Beside / p99)
      print(
        "p50 \(Workbench.format(quantile(alone, 0.5))) ms,",
        "beside \(Workbench.format(quantile(beside, 0.5))) ms;",
        "p99 \(Workbench.format(p99)) ms, beside \(Workbench.format(p99Beside)) ms,",
        "ratio \(Workbench.format(p99Beside / p99))")
    }
    print("median ratio of p99 \(Workbench.format(Workbench.median(ratios)))")
  }

  /// 500 events a second to the fast actor, and 200 to the slow one, which does 40.
  private static func latencies(_ seconds: Int, withSlow: Bool) async throws -> [Double] {
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let store = try EventStore(path: directory + "/slow.db")
    defer { store.close() }
    let fast = Stopwatch()
    let catalog = ConnectorCatalog(connectors: [
      ConnectorDescriptor(
        name: "in",
        source: ConnectorDescriptor.SourceRole(
          mode: { _ in .push }, fields: [], make: { _, _ in .push(NoOpSource()) })),
      ConnectorDescriptor(
        name: "fast", actor: ConnectorDescriptor.ActorRole(fields: [], make: { _, _ in fast })),
      ConnectorDescriptor(
        name: "slow",
        actor: ConnectorDescriptor.ActorRole(fields: [], make: { _, _ in SlowActor() })),
    ])
    let runtime = Runtime(store: store, settings: RuntimeSettings(), catalog: catalog)
    try await runtime.load([module], loadedBy: "bench")
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await runtime.run() }
      try await withThrowingTaskGroup(of: Void.self) { senders in
        senders.addTask { try await fast.send(seconds * 500, everyMs: 2, to: "fast", runtime) }
        if withSlow {
          senders.addTask {
            try await Stopwatch().send(seconds * 200, everyMs: 5, to: "slow", runtime)
          }
        }
        try await senders.waitForAll()
      }
      while fast.count < seconds * 500 { try await Task.sleep(for: .milliseconds(1)) }
      runtime.beginStop(timeoutMs: 100)
      try await group.waitForAll()
      return fast.sorted
    }
  }

  private static var module: ModuleDefinition {
    let policy = DeliveryPolicy(queueDepth: 10_000_000, overflow: .park)
    var definition = ModuleDefinition(name: "default")
    definition.contentHash = "bench"
    for name in ["fast", "slow"] {
      definition.sources.append(SourceDefinition(id: name, connector: "in"))
      definition.actors.append(ActorDefinition(id: name, connector: name, delivery: policy))
      definition.routes.append(
        RouteDefinition(
          name: name, sources: [SourceReference(id: name)], actor: ActorReference(id: name),
          delivery: policy))
    }
    return definition
  }

  private static func quantile(_ sorted: [Double], _ part: Double) -> Double {
    sorted.isEmpty ? 0 : sorted[min(Int(Double(sorted.count) * part), sorted.count - 1)]
  }
}

/// Sends numbered events and, as the actor that gets them, notes how long each took.
private final class Stopwatch: ActorConnector {
  private let state = Mutex((sent: [ContinuousClock.Instant](), took: [Double]()))

  var count: Int { state.withLock { $0.took.count } }
  /// Milliseconds.
  var sorted: [Double] { state.withLock { $0.took.sorted() } }

  func send(_ events: Int, everyMs: Int, to source: String, _ runtime: Runtime) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let filler = JSONValue.string(String(repeating: "x", count: 900))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<events {
        try await clock.sleep(until: start + .milliseconds(everyMs * number))
        let draft = EventDraft(
          provenance: JSONText(["platform": "bench"]),
          payload: JSONText(["n": JSONValue(number), "text": filler]))
        state.withLock { $0.sent.append(clock.now) }
        group.addTask {
          _ = try await runtime.intake.accept([draft], module: "default", source: source)
        }
      }
      try await group.waitForAll()
    }
  }

  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    let now = ContinuousClock.now
    let number = Int(delivery.event.value()["payload"]?["n"]?.int64 ?? 0)
    state.withLock { state in
      state.took.append(Workbench.seconds(now - state.sent[number]) * 1_000)
    }
    return AttemptOutcome(.delivered)
  }

  func close() async {}
}

/// Takes 100 ms for a delivery.
private struct SlowActor: ActorConnector {
  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    // Cut off by the end of the run, it has delivered as well.
    try? await Task.sleep(for: .milliseconds(100))
    return AttemptOutcome(.delivered)
  }

  func close() async {}
}
