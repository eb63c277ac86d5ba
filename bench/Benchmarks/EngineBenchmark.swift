import CBaseline
import Engine
import Foundation
import Store

/// Events per second from publish to settled, 64 publishers, one route, an actor that does nothing,
/// against the same three transactions per event on sqlite3 alone (batch 100, FULL).
enum EngineBenchmark {
  static func run(_ arguments: [String]) async throws {
    let events = arguments.first.flatMap { Int($0) } ?? 200_000
    let publishers = arguments.dropFirst().first.flatMap { Int($0) } ?? 64
    let rounds = arguments.dropFirst(2).first.flatMap { Int($0) } ?? 3
    let payload = Workbench.payload(bytes: 1_024)
    var ratios: [Double] = []
    for _ in 0..<rounds {
      let baseline = try await baseline(events: events, payload: payload)
      let (accepted, settled) = try await engine(
        events: events, publishers: publishers, payload: payload)
      ratios.append(settled / baseline)
      print(
        "baseline \(Workbench.count(baseline))/s, engine accepts \(Workbench.count(accepted))/s,",
        "settles \(Workbench.count(settled))/s, ratio \(Workbench.format(settled / baseline))")
    }
    print("median ratio \(Workbench.format(ratios.sorted()[ratios.count / 2]))")
  }

  private static func baseline(events: Int, payload: String) async throws -> Double {
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let path = directory + "/baseline.db"
    try EventStore(path: path).close()
    let seconds = orgloop_baseline(path, Int64(events), 100, payload)
    precondition(seconds > 0, "the baseline failed with \(seconds)")
    return Double(events) / seconds
  }

  private static func engine(
    events: Int, publishers: Int, payload: String
  ) async throws -> (accepted: Double, settled: Double) {
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let store = try EventStore(path: directory + "/engine.db")
    let runtime = Runtime(
      store: store, settings: RuntimeSettings(), catalog: Workbench.catalog(NoOpActor()))
    try await runtime.load([Workbench.module(concurrency: 256)], loadedBy: "bench")
    let working = Task { try await runtime.run() }
    let start = ContinuousClock.now
    let draft = EventDraft(
      provenance: try JSONText(checking: Array(#"{"platform":"bench"}"#.utf8)),
      payload: try JSONText(checking: Array(payload.utf8)))
    await withTaskGroup(of: Void.self) { group in
      for publisher in 0..<publishers {
        group.addTask {
          for _ in stride(from: publisher, to: events, by: publishers) {
            do {
              _ = try await runtime.intake.accept([draft], module: "default", source: "in")
            } catch {
              preconditionFailure("an event was not accepted: \(error)")
            }
          }
        }
      }
    }
    let accepted = ContinuousClock.now - start
    while try await !runtime.inspector.queues(nowMs: 0).isEmpty {
      try await Task.sleep(for: .milliseconds(1))
    }
    let settled = ContinuousClock.now - start
    runtime.beginStop(timeoutMs: 1_000)
    try await working.value
    store.close()
    return (rate(events, accepted), rate(events, settled))
  }

  private static func rate(_ events: Int, _ duration: Duration) -> Double {
    Double(events) / (Double(duration / .microseconds(1)) / 1_000_000)
  }
}
