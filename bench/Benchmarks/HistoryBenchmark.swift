import CBaseline
import Engine
import Store

/// Whether accepting, claiming and whole lives slow down with a million settled events in the file.
///
/// Arguments: events of history, events per measurement, rounds.
enum HistoryBenchmark {
  /// What one file achieves, each in operations per second.
  private struct Figures {
    /// Events accepted that no route wants.
    var accepts: [Double] = []
    /// Events from publish to settled.
    var lives: [Double] = []
    /// Deliveries read from a queue of ``queued``, a lane's window at a time.
    var claims: [Double] = []
  }

  private static let publishers = 64
  private static let queued = 51_200

  static func run(_ arguments: [String]) async throws {
    let history = Workbench.number(arguments, 0, default: 1_000_000)
    let events = Workbench.number(arguments, 1, default: 100_000)
    let rounds = Workbench.number(arguments, 2, default: 3)
    let directory = try Workbench.scratch()
    defer { Workbench.remove(directory) }
    let full = directory + "/full.db"
    try fill(full, history)
    print(Workbench.load)
    var figures = (empty: Figures(), full: Figures())
    for round in 0..<rounds {
      let empty = directory + "/empty\(round).db"
      try await measure(empty, events, &figures.empty)
      try await measure(full, events, &figures.full)
    }
    for round in 0..<rounds {
      try await claim(directory + "/claims\(round).db", &figures.empty)
      try await claim(full, &figures.full)
    }
    report("accepts/s", figures.empty.accepts, figures.full.accepts)
    report("lives/s", figures.empty.lives, figures.full.lives)
    report("claims/s", figures.empty.claims, figures.full.claims)
  }

  private static func report(_ name: String, _ empty: [Double], _ full: [Double]) {
    let (empty, full) = (Workbench.median(empty), Workbench.median(full))
    print(
      "\(name)\tempty \(Workbench.count(empty))\twith history \(Workbench.count(full))",
      "\tratio \(Workbench.format(full / empty))")
  }

  /// Settled events, by the baseline's loop: whole lives without the engine.
  static func fill(_ path: String, _ events: Int) throws {
    try EventStore(path: path).close()
    let seconds = orgloop_baseline(path, Int64(events), 1_000, Workbench.payload(bytes: 1_024))
    precondition(seconds > 0, "filling failed with \(seconds)")
    print("history: \(events) events in \(Workbench.format(seconds)) s")
  }

  private static func measure(
    _ path: String, _ events: Int, _ figures: inout Figures
  ) async throws {
    let accepts = try await EngineRig.use(path, isRouted: false) { rig in
      Workbench.perSecond(events, try await rig.publish(events, publishers: publishers))
    }
    let lives = try await EngineRig.use(path) { rig in
      try await rig.wholeLives(events, publishers: publishers).settled
    }
    figures.accepts.append(accepts)
    figures.lives.append(lives)
    print(
      path.hasSuffix("full.db") ? "with history" : "empty",
      "accepts \(Workbench.count(accepts))/s,",
      "lives \(Workbench.count(lives))/s")
  }

  /// Queues deliveries in a lane that nobody serves and reads them as a lane would.
  private static func claim(_ path: String, _ figures: inout Figures) async throws {
    let store = try EventStore(path: path)
    defer { store.close() }
    let lane = Int64(1_000 + figures.claims.count)
    let draft = try Workbench.draft()
    let record = AcceptRecord(
      source: 1, acceptedAtMs: 0, type: 0, generation: 1, provenance: draft.provenance.bytes,
      payload: draft.payload.bytes,
      deliveries: [DeliveryRecord(lane: lane, route: 1, generation: 1)])
    for _ in 0..<queued / 1_024 {
      let batch = AcceptBatch(records: Array(repeating: record, count: 1_024))
      _ = try await withCheckedThrowingContinuation { continuation in
        store.accept(batch) { continuation.resume(with: $0) }
      }
    }
    let start = ContinuousClock.now
    var count = 0
    var last: Int64 = 0
    while true {
      let page = try await store.pending(lane: lane, after: last, limit: Limits.laneWindowMax)
      guard let newest = page.last else { break }
      count += page.count
      last = newest.delivery
    }
    precondition(count == queued, "\(count) of \(queued) deliveries were found")
    figures.claims.append(Workbench.perSecond(count, ContinuousClock.now - start))
  }
}
