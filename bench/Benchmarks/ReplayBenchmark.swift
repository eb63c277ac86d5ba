import Engine
import Store

/// Replay of stored events into an actor that does nothing, matched against the routes anew, beside
/// the accept, start and settle transactions of as many events on sqlite3 alone.
///
/// Arguments: events, rounds.
enum ReplayBenchmark {
  static func run(_ arguments: [String]) async throws {
    let events = Workbench.number(arguments, 0, default: 100_000)
    let rounds = Workbench.number(arguments, 1, default: 3)
    var ratios: [Double] = []
    print(Workbench.load)
    for _ in 0..<rounds {
      let baseline = try EngineBenchmark.baseline(events: events)
      let replayed = try await replay(events)
      ratios.append(replayed / baseline)
      print(
        "baseline \(Workbench.count(baseline))/s, replays \(Workbench.count(replayed))/s,",
        "ratio \(Workbench.format(replayed / baseline))")
    }
    print("median ratio \(Workbench.format(Workbench.median(ratios)))")
  }

  private static func replay(_ events: Int) async throws -> Double {
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    // The usual bound: whatever writes without counting makes a queue be counted anew, as far as
    // its bound goes.
    return try await EngineRig.use(directory + "/replay.db", queueDepth: 1_000) { rig in
      _ = try await rig.wholeLives(events, publishers: 64)
      var order = ReplayOrder(.filter(EventQuery()))
      order.mode = .rematch
      let before = rig.actor.delivered
      let start = ContinuousClock.now
      var report = try await rig.runtime.replay(order, id: nil, limit: 500, requester: "bench")
      while !report.isDone, let id = report.replayID {
        report = try await rig.runtime.replay(nil, id: id, limit: 500, requester: "bench")
      }
      try await rig.settle(before + events)
      return Workbench.perSecond(events, ContinuousClock.now - start)
    }
  }
}
