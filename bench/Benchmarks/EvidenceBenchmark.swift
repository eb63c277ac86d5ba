import Connectors
import Engine
import Foundation
import Store

/// A plan tried on recorded events: 20 routes that run, of which the proposed configuration changes
/// half.
///
/// Arguments: recorded events.
enum EvidenceBenchmark {
  static func run(_ arguments: [String]) async throws {
    let count = Workbench.number(arguments, 0, default: 100_000)
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let path = directory + "/evidence.db"
    try await fill(path, count)
    print(Workbench.load)
    let catalog = ConnectorCatalog(transforms: [
      TransformDescriptor(
        name: "filter", make: { try FilterTransform($0.config) })
    ])
    let evidence = try Evidence(
      running: [module(changed: false)], proposed: [module(changed: true)], catalog: catalog,
      runsScripts: false)
    let archive = try ModuleArchive.open(path: path, readers: 2)
    defer { archive.close() }
    for _ in 0..<3 {
      let clock = ContinuousClock()
      let began = clock.now
      let report = try await evidence.run(archive, Evidence.Window())
      let seconds = Workbench.seconds(clock.now - began)
      let changed = report.routes.reduce(0) { $0 + ($1.counts[.changed] ?? 0) }
      let gone = report.routes.reduce(0) { $0 + ($1.counts[.gone] ?? 0) }
      print(
        "\(report.events) events in \(Workbench.format(seconds)) s:",
        "\(changed) changed, \(gone) gone, \(resident) MiB at most resident")
    }
  }

  /// The most that this process has had in memory.
  private static var resident: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) >> 10
  }

  /// Every event matches two routes; of each pair of routes one is changed.
  private static func module(changed: Bool) -> ModuleDefinition {
    var module = ModuleDefinition(name: "default")
    module.sources = [SourceDefinition(id: "in", connector: "bench")]
    module.actors = [ActorDefinition(id: "out", connector: "bench")]
    module.routes = (0..<20).map { index in
      var filter = Filter()
      if let path = DotPath("payload.kind") {
        filter.entries.append(.init(path: path, condition: .equals(.string("k\(index / 2)"))))
      }
      if changed, index % 4 == 0, let path = DotPath("payload.n") {
        filter.entries.append(
          .init(path: path, condition: .numeric([NumericBound(.less, JSONNumber(Int64(50_000)))])))
      }
      let isOther = changed && index % 2 == 0
      return RouteDefinition(
        name: "r\(index)", sources: [SourceReference(id: "in")], filter: filter,
        transforms: [
          TransformStep(
            name: "f", kind: .package("filter"), config: ["exclude": ["payload.kind": "none"]])
        ],
        actor: ActorReference(id: "out"),
        config: ["text": .string((isOther ? "new " : "") + "{{payload.title}} {{payload.n}}")])
    }
    return module
  }

  private static func fill(_ path: String, _ count: Int) async throws {
    let store = try EventStore(path: path)
    defer { store.close() }
    let keys = try await store.register(
      ModuleRecord(
        name: "default", alias: nil, path: "", contentHash: "bench", documents: Array("{}".utf8),
        loadedBy: "bench", nowMs: 0, sources: [("in", "bench")], routes: [], actors: [],
        conditions: []))
    let source = keys.sources["in"]?.key ?? 0
    let filler = String(repeating: "lorem ipsum ", count: 70)
    let provenance = Array(#"{"platform":"bench","platform_event":"x"}"#.utf8)
    for first in stride(from: 0, to: count, by: 1_000) {
      let records = (first..<min(first + 1_000, count)).map { index in
        AcceptRecord(
          source: source, acceptedAtMs: 1_772_600_000_000 + Int64(index), type: 0,
          generation: keys.generation, provenance: provenance,
          payload: Array(
            #"{"kind":"k\#(index % 10)","n":\#(index),"title":"t\#(index)","text":"\#(filler)"}"#
              .utf8))
      }
      _ = try await withCheckedThrowingContinuation { continuation in
        store.accept(AcceptBatch(records: records)) { continuation.resume(with: $0) }
      }
    }
  }
}
