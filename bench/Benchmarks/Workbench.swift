import Engine
import Foundation
import Store
import Synchronization

/// What the measurements share: scratch files, a module with a no-op actor, figures.
enum Workbench {
  /// A directory of its own for each measurement, on the disk under test: `BENCH_DIR`, or `/tmp`.
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

  /// The event that every publisher of the engine sends: 1 KB of payload, no dedup key.
  static func draft() throws -> EventDraft {
    EventDraft(
      provenance: try JSONText(checking: Array(#"{"platform":"bench"}"#.utf8)),
      payload: try JSONText(checking: Array(payload(bytes: 1_024).utf8)))
  }

  /// The number at a place of a benchmark's arguments, or its default.
  static func number(_ arguments: [String], _ place: Int, default value: Int) -> Int {
    arguments.dropFirst(place).first.flatMap { Int($0) } ?? value
  }

  static func perSecond(_ count: Int, _ duration: Duration) -> Double {
    Double(count) / seconds(duration)
  }

  static func seconds(_ duration: Duration) -> Double {
    Double(duration / .microseconds(1)) / 1_000_000
  }

  /// The middle one; of an even number the upper of the two.
  static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  static func format(_ value: Double) -> String { String(format: "%.2f", value) }
  static func count(_ value: Double) -> String { String(format: "%.0f", value) }

  /// The load of the last minute, to stand beside every figure: what else runs ruins them.
  static var load: String {
    var loads = [0.0, 0.0, 0.0]
    return getloadavg(&loads, 3) == 3 ? String(format: "load %.2f", loads[0]) : "load unknown"
  }

  /// One source and one actor that does nothing, in process.
  static func catalog(_ actor: NoOpActor) -> ConnectorCatalog {
    ConnectorCatalog(connectors: [
      ConnectorDescriptor(
        name: "bench",
        source: ConnectorDescriptor.SourceRole(
          mode: { _ in .push }, fields: [], make: { _, _ in .push(NoOpSource()) }),
        actor: ConnectorDescriptor.ActorRole(fields: [], make: { _, _ in actor }))
    ])
  }

  /// The module of that catalog, with a route from the source to the actor or with none.
  ///
  /// - Parameter queueDepth: Nothing is dropped, however far publishers run ahead.
  static func module(
    isRouted: Bool = true, concurrency: Int = 256, queueDepth: Int = 10_000_000
  ) -> ModuleDefinition {
    let policy = DeliveryPolicy(
      queueDepth: queueDepth, overflow: .park, concurrency: concurrency)
    var definition = ModuleDefinition(name: "default")
    definition.contentHash = isRouted ? "bench" : "bench, no route"
    definition.sources = [SourceDefinition(id: "in", connector: "bench")]
    definition.actors = [ActorDefinition(id: "out", connector: "bench", delivery: policy)]
    guard isRouted else { return definition }
    definition.routes = [
      RouteDefinition(
        name: "all", sources: [SourceReference(id: "in")], actor: ActorReference(id: "out"),
        delivery: policy)
    ]
    return definition
  }
}

/// Receives nothing: publishers of the engine go to the intake directly.
struct NoOpSource: PushSource {
  var path: String? { nil }

  func receive(_ request: WebhookRequest) async throws -> WebhookReception {
    WebhookReception(events: [])
  }

  func close() async {}
}

/// Does nothing with a delivery but count it.
final class NoOpActor: ActorConnector {
  private let count = Atomic<Int>(0)

  /// Deliveries so far. Their outcomes need not be committed yet.
  var delivered: Int { count.load(ordering: .relaxed) }

  func deliver(_ delivery: DeliveryRequest) async -> AttemptOutcome {
    count.add(1, ordering: .relaxed)
    return AttemptOutcome(.delivered)
  }

  func close() async {}
}
