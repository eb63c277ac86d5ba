import Engine
import Foundation
import Store
import Synchronization

/// What deleting old events costs those who write meanwhile.
///
/// Arguments: events of history, publishers.
enum RetentionBenchmark {
  static func run(_ arguments: [String]) async throws {
    let history = Workbench.number(arguments, 0, default: 1_000_000)
    let publishers = Workbench.number(arguments, 1, default: 8)
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let path = directory + "/full.db"
    try HistoryBenchmark.fill(path, history)
    print(Workbench.load)
    let store = try EventStore(path: path)
    defer { store.close() }
    let record = ModuleRecord(
      name: "default", alias: nil, path: "", contentHash: "bench", documents: Array("{}".utf8),
      loadedBy: "bench", nowMs: 0, sources: [("in", "bench")], routes: [], actors: [],
      conditions: [])
    let keys = try await store.register(record)
    // A week and a day later everything is old, but for what the publishers write now.
    let laterMs: Int64 = 8 * 86_400_000
    let system = TimeSource.system
    let time = TimeSource(
      wallMs: { system.wallMs + laterMs }, monotonicMs: { system.monotonicMs },
      sleepMs: { try await system.sleep(ms: $0) })
    let retention = Retention(store: store, time: time, log: LogFanout(), logRetentionMs: laterMs)
    let bytes = DatabaseFacts(path: path).bytes ?? 0

    let alone = try await latencies(store, keys, publishers, time) {
      try await system.sleep(ms: 10_000)
    }
    let totals = Kept()
    let clock = ContinuousClock()
    let began = clock.now
    let beside = try await latencies(store, keys, publishers, time) {
      let found = await retention.pass()
      totals.keep(found)
    }
    let seconds = Workbench.seconds(clock.now - began)
    let found = totals.value
    print(
      "deleted \(found.events) events in \(Workbench.format(seconds)) s,",
      "longest hold \(found.longestHoldMs) ms, \(found.pages) pages given back:",
      "\(bytes >> 20) MiB to \((DatabaseFacts(path: path).bytes ?? 0) >> 20) MiB")
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
      let (before, after) = (quantile(alone, part), quantile(beside, part))
      print(
        "accept \(name)\talone \(Workbench.format(before)) ms\t"
          + "beside \(Workbench.format(after)) ms\tratio \(Workbench.format(after / before))")
    }
  }

  /// Milliseconds of each accept, as long as `body` takes.
  private static func latencies(
    _ store: EventStore, _ keys: ModuleKeys, _ publishers: Int, _ time: TimeSource,
    _ body: @escaping @Sendable () async throws -> Void
  ) async throws -> [Double] {
    let isOver = Flag()
    let payload = Array(Workbench.payload(bytes: 1_024).utf8)
    let source = keys.sources["in"]?.key ?? 0
    return try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<publishers {
        group.addTask {
          let clock = ContinuousClock()
          var found: [Double] = []
          while !isOver.isSet {
            let record = AcceptRecord(
              source: source, acceptedAtMs: time.wallMs, type: 0, generation: keys.generation,
              provenance: Array("{}".utf8), payload: payload)
            let began = clock.now
            _ = try await SQLiteBus(store).publish(AcceptBatch(records: [record]))
            found.append(Workbench.seconds(clock.now - began) * 1_000)
            // Not as fast as it can: the disk must not be the limit.
            try await time.sleep(ms: 2)
          }
          return found
        }
      }
      group.addTask {
        try await body()
        isOver.set()
        return []
      }
      var all: [Double] = []
      for try await found in group { all += found }
      return all.sorted()
    }
  }

  private static func quantile(_ sorted: [Double], _ part: Double) -> Double {
    sorted.isEmpty ? 0 : sorted[min(Int(Double(sorted.count) * part), sorted.count - 1)]
  }
}

/// Set once.
private final class Flag: Sendable {
  private let state = Atomic(false)
  var isSet: Bool { state.load(ordering: .relaxed) }
  func set() { state.store(true, ordering: .relaxed) }
}

private final class Kept: Sendable {
  private let state = Mutex(Retention.Totals())
  var value: Retention.Totals { state.withLock { $0 } }
  func keep(_ totals: Retention.Totals) { state.withLock { $0 = totals } }
}
