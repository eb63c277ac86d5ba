import CBaseline
import Engine
import Store

/// Events per second from publish to settled, 64 publishers, one route, an actor that does nothing,
/// against the same three transactions per event on sqlite3 alone (batch 100, FULL).
///
/// Arguments: events, publishers, rounds.
enum EngineBenchmark {
  static func run(_ arguments: [String]) async throws {
    let events = Workbench.number(arguments, 0, default: 200_000)
    let publishers = Workbench.number(arguments, 1, default: 64)
    let rounds = Workbench.number(arguments, 2, default: 3)
    var ratios: [Double] = []
    print(Workbench.load)
    for _ in 0..<rounds {
      let baseline = try baseline(events: events)
      let (accepted, settled) = try await engine(events: events, publishers: publishers)
      ratios.append(settled / baseline)
      print(
        "baseline \(Workbench.count(baseline))/s, engine accepts \(Workbench.count(accepted))/s,",
        "settles \(Workbench.count(settled))/s, ratio \(Workbench.format(settled / baseline))")
    }
    print("median ratio \(Workbench.format(Workbench.median(ratios)))")
  }

  /// The engine alone, for a profiler.
  static func profile(_ arguments: [String]) async throws {
    let (accepted, settled) = try await engine(
      events: Workbench.number(arguments, 0, default: 200_000),
      publishers: Workbench.number(arguments, 1, default: 64))
    print("accepts \(Workbench.count(accepted))/s, settles \(Workbench.count(settled))/s")
  }

  static func baseline(events: Int) throws -> Double {
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let path = directory + "/baseline.db"
    try EventStore(path: path).close()
    let seconds = orgloop_baseline(
      path, Int64(events), 100, Workbench.payload(bytes: 1_024))
    precondition(seconds > 0, "the baseline failed with \(seconds)")
    return Double(events) / seconds
  }

  private static func engine(
    events: Int, publishers: Int
  ) async throws -> (accepted: Double, settled: Double) {
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    return try await EngineRig.use(directory + "/engine.db") { rig in
      try await rig.wholeLives(events, publishers: publishers)
    }
  }
}
