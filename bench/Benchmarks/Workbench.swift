import Engine
import Foundation
import Store

/// What the measurements share: scratch files, a module with a no-op actor, clocks.
enum Workbench {
  /// A directory of its own for each measurement, on the disk under test.
  static func scratch() throws -> String {
    let base = ProcessInfo.processInfo.environment["BENCH_DIR"] ?? "/tmp"
    let path = "\(base)/orgloop-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  static func remove(_ path: String) {
    // Scratch files; one that stays behind costs nothing but space.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// A JSON object of about that many bytes.
  static func payload(bytes: Int) -> String {
    let filler = String(repeating: "x", count: max(bytes - 60, 1))
    return #"{"action":"opened","number":12,"kind":"bench","text":"\#(filler)"}"#
  }

  static func seconds(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    return Double((ContinuousClock.now - start) / .milliseconds(1)) / 1_000
  }

  static func format(_ value: Double) -> String { String(format: "%.2f", value) }
  static func count(_ value: Double) -> String { String(format: "%.0f", value) }

  /// One source, one route, one actor that does nothing, in process.
  static func catalog(_ actor: NoOpActor) -> ConnectorCatalog {
    ConnectorCatalog(connectors: [
      ConnectorDescriptor(
        name: "bench",
        source: ConnectorDescriptor.SourceRole(
          mode: { _ in .push }, fields: [], make: { _, _ in .push(NoOpSource()) }),
        actor: ConnectorDescriptor.ActorRole(fields: [], make: { _, _ in actor }))
    ])
  }

  static func module(routes: Int = 1, concurrency: Int) -> ModuleDefinition {
    let policy = DeliveryPolicy(concurrency: concurrency)
    var definition = ModuleDefinition(name: "default")
    definition.contentHash = "bench"
    definition.sources = [SourceDefinition(id: "in", connector: "bench")]
    definition.actors = [ActorDefinition(id: "out", connector: "bench", delivery: policy)]
    definition.routes = [
      RouteDefinition(
        name: "all", sources: [SourceReference(id: "in")], actor: ActorReference(id: "out"),
        delivery: policy)
    ]
    return definition
  }
}

struct NoOpSource: PushSource {
  var path: String? { nil }

  func receive(_ request: WebhookRequest) async throws -> WebhookReception {
    WebhookReception(events: [])
  }

  func close() async {}
}

/// Counts what it is given.
final class NoOpActor: ActorConnector {
  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome { AttemptOutcome(.delivered) }
  func close() async {}
}
