import Engine
import Store
import Synchronization
import TestSupport

/// What tests of modules share: modules `NAME` from `/srv/NAME`, each with a push source `in`, an
/// actor `out` and a route `all` between them.
struct ModuleWorld: Sendable {
  let actor: TestActor
  let polls: TestPollSource

  init(
    actor: TestActor = TestActor(),
    polls: TestPollSource = TestPollSource { PollResult(checkpoint: $0 ?? "0") }
  ) {
    self.actor = actor
    self.polls = polls
  }

  var catalog: ConnectorCatalog {
    ConnectorCatalog(connectors: [
      ConnectorDescriptor(
        name: "push",
        source: .init(mode: { _ in .push }, fields: [], make: { _, _ in .push(TestPushSource()) })),
      ConnectorDescriptor(
        name: "poll",
        source: .init(mode: { _ in .poll }, fields: [], make: { [polls] _, _ in .poll(polls) })),
      ConnectorDescriptor(
        name: "out", actor: .init(fields: [], make: { [actor] _, _ in actor })),
      ConnectorDescriptor(
        name: "broken",
        actor: .init(
          fields: [], make: { _, _ in throw EngineError(.invalid, "it cannot be made") })),
    ])
  }

  static func module(
    _ name: String, path: String? = nil, source: String = "push", actor: String = "out",
    concurrency: Int = 4, routes: [RouteDefinition] = [.test()]
  ) -> ModuleDefinition {
    var definition = ModuleDefinition(name: name, path: path ?? "/srv/\(name)/orgloop.yaml")
    definition.contentHash = "\(name) \(routes.map(\.name)) \(actor)"
    definition.sources = [
      SourceDefinition(id: "in", connector: source, pollIntervalMs: 60_000)
    ]
    definition.actors = [
      ActorDefinition(
        id: "out", connector: actor, delivery: DeliveryPolicy(concurrency: concurrency))
    ]
    definition.routes = routes
    return definition
  }

  static func order(_ definition: ModuleDefinition, by: String = "alice") -> ModuleOrder {
    ModuleOrder(definition, isFromBoot: false, requester: by)
  }

  /// A route to the actor `out` of another module.
  static func route(
    _ name: String = "all", from source: SourceReference = SourceReference(id: "in"),
    toModule module: String
  ) -> RouteDefinition {
    RouteDefinition(
      name: name, sources: [source], actor: ActorReference(module: module, id: "out"))
  }
}

extension Runtime {
  func send(_ body: String = "{}", to module: String) async -> WebhookAnswer {
    await receiveWebhook(module: module, source: "in", request: .test(body))
  }

  func load(_ definition: ModuleDefinition) async throws -> LoadReport {
    try await loadModule(ModuleWorld.order(definition))
  }

  func unload(_ name: String, _ policy: RemovedPolicy = .park) async throws -> UnloadReport {
    try await unloadModule(name, drainMs: nil, onRemoved: policy, requester: "alice")
  }

  func reload(
    _ definition: ModuleDefinition, _ policy: RemovedPolicy = .park
  ) async throws -> LoadReport {
    try await reloadModule(ModuleWorld.order(definition), onRemoved: policy, drainMs: nil)
  }

  /// Name and state of every module that the registry knows.
  func states() async throws -> [String] {
    try await moduleList(includesUnloaded: true).map {
      "\($0["name"]?.string ?? "") \($0["state"]?.string ?? "")"
    }
  }
}

/// Lets a test hold what calls it, and let it go.
final class Gate: Sendable {
  private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>(
    (false, []))
  private let arrivals = AsyncStream<Void>.makeStream()

  /// Returns when the gate is open.
  func pass() async {
    arrivals.continuation.yield()
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Returns when somebody has come to the gate.
  func arrival() async {
    var iterator = arrivals.stream.makeAsyncIterator()
    await iterator.next()
  }
}

extension ManualClock {
  /// Lets time pass as long as `body` takes.
  func running<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        let value = try await body()
        return value
      }
      group.addTask {
        while !Task.isCancelled {
          self.advance(ms: 10)
          await Task.yield()
        }
        return nil
      }
      defer { group.cancelAll() }
      for try await value in group { if let value { return value } }
      throw CancellationError()
    }
  }
}
