import Store
import TestSupport
import Testing

/// New deliveries for stored events (cli-http.md 2.4, `replay`).
@Suite(.timeLimit(.minutes(2)))
struct ReplayTests {
  static let id = "rpl_" + String(repeating: "0", count: 32)

  static func begin(in store: EventStore) async throws -> ReplayRow {
    try await store.begin(
      ReplayRow(
        id: id, request: #"{"mode":"same-targets"}"#, startedAtMs: Names.nowMs, startedBy: "alice",
        newest: try await store.newestEvent()))
  }

  @Test func `deliveries are numbered after those of the event, and nothing else changes`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let dead = try await RequeueTests.letters(2, in: store, names)
    let row = try await Self.begin(in: store)
    let step = try #require(
      try await store.advance(
        row,
        [
          ReplayRecord(
            sequence: 1, deliveries: [names.toClaude(order: .traceID), names.toSlack])
        ], to: 1, isDone: false, nowMs: Names.nowMs + 9))
    let trace = store.identity.traceID(sequence: 1, acceptedAtMs: Names.nowMs)
    #expect(
      step.places == [
        QueuePlace(lane: names.claude, delivery: 1 << 16 | 1, orderKey: trace),
        QueuePlace(lane: names.slack, delivery: 1 << 16 | 2, orderKey: nil),
      ])
    #expect((step.row.reached, step.row.events, step.row.deliveries) == (1, 1, 2))
    let sql = try SQLiteFile(file.path)
    #expect(
      try sql.rows("SELECT id, events, deliveries, done_at FROM v_replays")
        == [[Self.id, "1", "2", nil]])
    let rows = try sql.rows(
      """
      SELECT replay_id, attempts, created_at <> (SELECT min(created_at) FROM v_deliveries)
      FROM v_deliveries WHERE state = 'pending'
      """)
    #expect(rows == [[Self.id, "0", "1"], [Self.id, "0", "1"]])
    #expect(try sql.integer("SELECT event_count FROM sources WHERE id = 'github'") == 2)
    #expect(try sql.integer("SELECT deliveries FROM events WHERE sequence = 1") == 3)
    #expect(dead.first == 1 << 16)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a step is made once, whoever else makes it, and none after the end`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    _ = try await RequeueTests.letters(2, in: store, names)
    let row = try await Self.begin(in: store)
    let record = ReplayRecord(sequence: 1, deliveries: [names.toClaude()])
    let first = try await store.advance(row, [record], to: 1, isDone: false, nowMs: 9)
    #expect(try await store.advance(row, [record], to: 1, isDone: false, nowMs: 9) == nil)
    let reached = try #require(first).row
    // Begun again it is where it was.
    #expect(try await Self.begin(in: store) == reached)
    let end = try #require(
      try await store.advance(reached, [], to: 2, isDone: true, nowMs: 9))
    #expect(end.row.doneAtMs == 9)
    #expect(try await store.advance(end.row, [record], to: 3, isDone: true, nowMs: 9) == nil)
    #expect(try SQLiteFile(file.path).integer("SELECT count(*) FROM queue") == 1)
  }

  @Test func `an event that is full gets no more deliveries, and the others do`() async throws {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    try await store.accepted((0..<2).map { _ in names.event(to: [names.toClaude()]) })
    store.close()
    try SQLiteFile(file.path, writable: true)
      .rows("UPDATE events SET deliveries = 65536 WHERE sequence = 1")
    let again = try file.open()
    defer { again.close() }
    let step = try #require(
      try await again.advance(
        try await Self.begin(in: again),
        [1, 2].map { ReplayRecord(sequence: $0, deliveries: [names.toClaude()]) }, to: 2,
        isDone: true, nowMs: 9))
    #expect(step.full == 1)
    #expect(step.places.map(\.delivery) == [2 << 16 | 1])
  }

  @Test func `candidates come oldest first, with what was delivered of them`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    _ = try await RequeueTests.letters(2, in: store, names, order: .text("k"))
    try await store.accepted([names.event("x", to: [names.toSlack])])
    var filter = EventFilter()
    filter.above = 1
    let page = try await store.inspection.replayPage(filter, of: nil)
    #expect(page.events.map(\.event.sequence) == [2, 3])
    #expect(page.isLast)
    #expect(page.reached == 3)
    let past = page.events.flatMap(\.past)
    #expect(past.map(\.state) == ["dead", "unsettled"])
    #expect(past.map(\.orderKey) == ["k", nil])
    #expect(past.map(\.lane) == [names.claude, names.slack])
    filter.limit = 1
    let some = try await store.inspection.replayPage(filter, of: [1, 3])
    #expect(some.events.map(\.event.sequence) == [3])
    #expect(!some.isLast)
  }
}
