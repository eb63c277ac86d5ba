package import Engine
import Foundation
package import Store

/// A directory that is removed with the test.
package struct Scratch: ~Copyable {
  package let path: String

  package init() throws {
    path = "\(NSTemporaryDirectory())/orgloop-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // What stays behind in the temporary directory is the system's to clean up.
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// Runs a real runtime on a real file under a manual clock, and stops it in order.
///
/// - Parameters:
///   - path: The database.
///   - restoring: Modules that are loaded again before the runtime works.
///   - body: What the test does while the runtime works. When it returns, a graceful stop begins.
package func withRuntime<Value: Sendable>(
  _ path: String, modules: [ModuleDefinition], restoring: [ModuleOrder] = [],
  catalog: ConnectorCatalog,
  clock: ManualClock = ManualClock(), settings: RuntimeSettings = RuntimeSettings(),
  options: EventStore.Options = EventStore.Options(),
  promptMetadata: @escaping PromptMetadata = { _ in .null },
  _ body: (Runtime, LogProbe) async throws -> Value
) async throws -> Value {
  let store = try EventStore(path: path, options: options)
  defer { store.close() }
  let probe = LogProbe()
  let log = LogFanout()
  log.add(probe, module: nil)
  let runtime = Runtime(
    store: store, settings: settings, catalog: catalog, time: clock.time, log: log,
    promptMetadata: promptMetadata)
  try await runtime.load(modules, loadedBy: "test")
  for order in restoring { _ = try await runtime.loadModule(order) }
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await runtime.run() }
    do {
      let value = try await body(runtime, probe)
      runtime.beginStop(timeoutMs: nil)
      try await group.waitForAll()
      return value
    } catch {
      group.cancelAll()
      throw error
    }
  }
}

extension ModuleDefinition {
  /// One source `in`, one actor `out`, and the routes that a test needs.
  package static func test(
    _ name: String = "default", routes: [RouteDefinition], pollIntervalMs: Int64 = 60_000,
    concurrency: Int = 4
  ) -> ModuleDefinition {
    var definition = ModuleDefinition(name: name)
    definition.contentHash = "test"
    definition.sources = [
      SourceDefinition(id: "in", connector: "test", pollIntervalMs: pollIntervalMs)
    ]
    definition.actors = [
      ActorDefinition(
        id: "out", connector: "test", delivery: DeliveryPolicy(concurrency: concurrency))
    ]
    definition.routes = routes
    return definition
  }
}

extension RouteDefinition {
  /// A route from `in` to `out`.
  package static func test(
    _ name: String = "all", filter: Filter = Filter(), transforms: [TransformStep] = [],
    config: JSONObject = [:], delivery: DeliveryPolicy = DeliveryPolicy(),
    hasOwnLane: Bool = false, source: String = "in"
  ) -> RouteDefinition {
    RouteDefinition(
      name: name, sources: [SourceReference(id: source)], filter: filter,
      transforms: transforms, actor: ActorReference(id: "out"), config: config,
      delivery: delivery, hasOwnLane: hasOwnLane)
  }
}

extension WebhookRequest {
  /// A request with a JSON body.
  package static func test(_ body: String, id: String? = nil) -> WebhookRequest {
    let headers = id.map { [(name: "webhook-id", value: $0)] } ?? []
    return WebhookRequest(path: "/webhook/in", headers: headers, body: Array(body.utf8))
  }
}

extension WebhookAnswer {
  /// The ids of an accepted request; empty for anything else.
  package var ids: [String] { if case .accepted(let ids, _, _) = self { ids } else { [] } }
}
