import Store

/// One thing that a scenario did, and how the file shows it.
struct Step: Sendable {
  let name: String
  /// Whether the store said that it was stored.
  let isReported: Bool
  /// A query for one number: ``rows`` when the step is in the file, 0 when it is not.
  let evidence: String
  let rows: Int64
}

/// A short life of a store, told step by step.
struct Scenario: Sendable, CustomStringConvertible {
  let description: String
  /// Whether the file has a module before the faults begin; without, it is made under faults.
  let isPrepared: Bool
  let run: @Sendable (EventStore, Recorder<Step>) async -> Void

  static let all = [accepting, settling, registering, bringingBack]

  /// The file that each run begins with a copy of; nil for none.
  func template() async throws -> TestFile? {
    guard isPrepared else { return nil }
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    try await store.accepted([
      names.event(key: "old", to: [names.toClaude()]),
      names.event(to: [names.toClaude(order: .text("k")), names.toSlack]),
    ])
    store.close()
    return file
  }

  // MARK: Accept

  private static let accepting = Scenario(description: "accept", isPrepared: true) { store, steps in
    guard let names = try? await Names.register(in: store) else { return }
    for number in 1...3 {
      let records = [
        names.event(key: "k\(number)", to: [names.toClaude(), names.toSlack]),
        names.event(id: "x\(number)"),
      ]
      let progress = SourceProgress(
        source: names.github, checkpoint: "c\(number)", coveredFromMs: 1,
        coveredToMs: Int64(number))
      await step(
        "batch \(number)", rows: 4, steps,
        """
        SELECT (SELECT count(*) FROM events WHERE dedup_key = 'k\(number)')
          + (SELECT count(*) FROM queue AS q JOIN events AS e ON e.sequence = q.delivery >> 16
            WHERE e.dedup_key = 'k\(number)')
          + (SELECT count(*) FROM external_ids WHERE id = 'x\(number)')
        """
      ) { try await store.accepted(records, progress) }
      await step(
        "duplicate \(number)", rows: 1, steps,
        "SELECT min(duplicates, 1) FROM events WHERE dedup_key = 'k\(number)'"
      ) {
        // Where the first copy was refused this one would be the first.
        guard steps.values.last?.isReported == true else { throw StoreError(.other, "no first") }
        try await store.accepted([names.event(key: "k\(number)")])
      }
    }
    await step(
      "checkpoint", rows: 1, steps,
      "SELECT count(*) FROM sources WHERE checkpoint = 'last' AND last_success_ms = 5"
    ) {
      try await store.save(
        SourceProgress(source: names.github, checkpoint: "last", lastSuccessMs: 5))
    }
  }

  // MARK: Settle

  private static let settling = Scenario(description: "settle", isPrepared: true) { store, steps in
    guard let names = try? await Names.register(in: store) else { return }
    let (first, second) = (Int64(1) << 16, Int64(2) << 16)
    await attempt(first, 1, store, names, steps, "error", .waiting(dueAtMs: 5, reason: "backoff"))
    await attempt(first, 2, store, names, steps, "timeout", .settled(state: "dead", reason: "x"))
    await attempt(second, 1, store, names, steps, "skipped", .parked(reason: "held"))
    let slack = names.start(second | 1, lane: names.slack)
    await start(slack, store, steps)
    let answers = [
      names.event("a", id: "answer", cause: slack.delivery, to: [names.toClaude()]),
      names.event("b", key: "answer", cause: slack.delivery),
    ]
    await step(
      "answers", rows: 4, steps,
      """
      SELECT (SELECT count(*) FROM events WHERE cause = \(slack.delivery))
        + (SELECT count(*) FROM settled WHERE delivery = \(slack.delivery))
        + (SELECT count(*) FROM attempts WHERE delivery = \(slack.delivery))
      """
    ) {
      // An attempt that could not be started is not made.
      guard steps.values.last?.isReported == true else { throw StoreError(.other, "not started") }
      try await store.settled([names.end(slack, followUps: answers)])
    }
  }

  private static func attempt(
    _ delivery: Int64, _ number: Int, _ store: EventStore, _ names: Names,
    _ steps: Recorder<Step>, _ outcome: String, _ disposition: SettleRecord.Disposition
  ) async {
    let record = names.start(delivery, number: number)
    await start(record, store, steps)
    guard steps.values.last?.isReported == true else { return }
    await step(
      "attempt \(number) of \(delivery)", rows: 1, steps,
      """
      SELECT count(*) FROM attempts
      WHERE delivery = \(delivery) AND number = \(number) AND outcome = '\(outcome)'
      """
    ) { try await store.settled([names.end(record, outcome, disposition)]) }
  }

  private static func start(
    _ record: StartRecord, _ store: EventStore, _ steps: Recorder<Step>
  ) async {
    await step(
      "start \(record.number) of \(record.delivery)", rows: 1, steps,
      """
      SELECT (SELECT count(*) FROM running WHERE delivery = \(record.delivery)
          AND number = \(record.number))
        + (SELECT count(*) FROM attempts WHERE delivery = \(record.delivery)
          AND number = \(record.number))
      """
    ) {
      let isQueued = try await store.pending(lane: record.lane, after: 0, limit: 9)
        .contains { $0.delivery == record.delivery && $0.attempts == record.number - 1 }
      let isDue = try await store.due(lane: record.lane, nowMs: 9, limit: 9).page
        .contains { $0.delivery == record.delivery && $0.attempts == record.number - 1 }
      guard isQueued || isDue else { throw StoreError(.other, "not queued") }
      try await store.started([record])
    }
  }

  // MARK: Requeue and replay

  private static let bringingBack = Scenario(description: "bring back", isPrepared: true) {
    store, steps in
    guard let names = try? await Names.register(in: store) else { return }
    let dead = Int64(1) << 16
    await attempt(dead, 1, store, names, steps, "error", .settled(state: "dead", reason: "x"))
    let died = steps.values.last?.isReported == true
    await step(
      "requeued", rows: 3, steps,
      """
      SELECT (SELECT 2 * count(*) FROM queue WHERE delivery = \(dead) AND attempts_before = 1)
        + (SELECT count(*) FROM attempts WHERE delivery = \(dead)
          AND EXISTS (SELECT 1 FROM queue WHERE delivery = \(dead)))
      """
    ) {
      guard died,
        case .queued = try await store.requeue([dead], from: ["dead"], retransform: true).first
      else { throw StoreError(.other, "not dead") }
    }
    let replay = ReplayRow(
      id: "rpl_1", request: "{}", startedAtMs: 1, startedBy: "alice", newest: 2)
    await step("begun", rows: 1, steps, "SELECT count(*) FROM replays") {
      try await store.begin(replay)
    }
    for sequence in Int64(1)...2 {
      await step(
        "replayed \(sequence)", rows: 3, steps,
        """
        SELECT (SELECT count(*) FROM queue WHERE replay = 'rpl_1' AND delivery >> 16 = \(sequence))
          + (SELECT count(*) FROM replays WHERE reached >= \(sequence))
        """
      ) {
        guard let row = try await store.replay("rpl_1"), row.reached == sequence - 1,
          try await store.advance(
            row,
            [ReplayRecord(sequence: sequence, deliveries: [names.toClaude(), names.toSlack])],
            to: sequence, isDone: sequence == 2, nowMs: 9) != nil
        else { throw StoreError(.other, "not begun") }
      }
    }
  }

  // MARK: Register

  private static let registering = Scenario(description: "register", isPrepared: false) {
    store, steps in
    await register("v1", store, steps)
    await step("runtime row", rows: 1, steps, "SELECT count(*) FROM runtime WHERE pid = 7") {
      try await store.save(
        RuntimeRow(
          pid: 7, processStart: "1", version: "1", workspace: "default", state: "ready",
          startedAtMs: 1, heartbeatMs: 1))
    }
    await register("v2", store, steps)
    guard let names = try? await Names.register(in: store) else { return }
    await step(
      "queued", rows: 1, steps, "SELECT count(*) FROM queue WHERE delivery = 65536"
    ) { try await store.accepted([names.event(to: [names.toClaude()])]) }
    let isQueued = steps.values.last?.isReported == true
    await step(
      "moved", rows: 1, steps, "SELECT count(*) FROM queue WHERE lane = \(names.slack)"
    ) {
      // What was not queued cannot be moved.
      guard isQueued else { throw StoreError(.other, "not queued") }
      try await store.move([1 << 16], from: names.claude, to: names.slack)
    }
    await step(
      "unloaded", rows: 1, steps, "SELECT count(*) FROM modules WHERE state = 'unloading'"
    ) {
      try await store.set(
        .init(name: "engineering", state: "unloading", desired: "removed", nowMs: Names.nowMs))
    }
  }

  private static func register(
    _ content: String, _ store: EventStore, _ steps: Recorder<Step>
  ) async {
    await step(
      "module \(content)", rows: 3, steps,
      """
      SELECT (SELECT count(*) FROM documents WHERE hash = 'sha256:\(content)')
        + (SELECT count(*) > 0 FROM generations WHERE content_hash = 'sha256:\(content)')
        + (SELECT count(*) > 0 FROM modules AS m JOIN generations AS g ON g.module = m.key
          WHERE g.content_hash = 'sha256:\(content)')
      """
    ) { _ = try await store.register(Names.record(content: content)) }
  }

  // MARK: Steps

  private static func step<Value>(
    _ name: String, rows: Int64, _ steps: Recorder<Step>, _ evidence: String,
    _ act: () async throws -> Value
  ) async {
    var isReported = true
    do { _ = try await act() } catch { isReported = false }
    steps.add(Step(name: name, isReported: isReported, evidence: evidence, rows: rows))
  }
}
