import Foundation
import Store
import TestSupport
import Testing

/// What requeue, drop and replay ask finds its rows by keys, and no part of them holds the writer for
/// long, however many dead letters there are.
@Suite(.timeLimit(.minutes(5)))
struct LetterPlanTests {
  static let plans: [QueryPlanTests.Plan] = [
    .init(name: "enqueueAgain", sql: SQL.enqueueAgain, steps: []),
    .init(
      name: "laneOfRoute", sql: SQL.laneOfRoute,
      steps: ["SEARCH routes USING INTEGER PRIMARY KEY (rowid=?)"]),
    .init(
      name: "letter", sql: SQL.letter,
      steps: ["SEARCH settled USING INTEGER PRIMARY KEY (rowid=?)"]),
    .init(
      name: "takeLetter", sql: SQL.takeLetter,
      steps: ["SEARCH settled USING INTEGER PRIMARY KEY (rowid=?)"]),
    .init(
      name: "dropLetter", sql: SQL.dropLetter,
      steps: ["SEARCH settled USING INTEGER PRIMARY KEY (rowid=?)"]),
    .init(
      name: "forgetTransformed", sql: SQL.forgetTransformed,
      steps: ["SEARCH transformed USING INTEGER PRIMARY KEY (rowid=?)"]),
    .init(
      name: "unpark", sql: SQL.unpark,
      steps: ["SEARCH queue USING PRIMARY KEY (lane=? AND delivery=?)"]),
    .init(
      name: "addDeliveries", sql: SQL.addDeliveries,
      steps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"]),
    .init(
      name: "advanceReplay", sql: SQL.advanceReplay,
      steps: ["SEARCH replays USING PRIMARY KEY (id=?)"]),
    .init(
      name: "pastDeliveries", sql: SQL.pastDeliveries,
      steps: ["SEARCH settled USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
  ]

  @Test(arguments: plans)
  func `a statement uses the index that its comment names`(_ plan: QueryPlanTests.Plan) throws {
    let steps = try QueryPlan.steps(of: plan.sql)
    #expect(steps == plan.steps)
  }

  @Test(arguments: [SQL.unsettledState, SQL.queuedDeliveries])
  func `the queue is asked lane by lane`(_ sql: String) throws {
    let steps = try QueryPlan.steps(of: sql)
    #expect(!steps.contains { $0.hasPrefix("SCAN q") }, "\(steps)")
    #expect(steps.contains { $0.hasPrefix("SEARCH q USING PRIMARY KEY (lane=? AND delivery") })
  }

  @Test func `100,000 dead letters are requeued in parts of 500`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await Self.fill(100_000, file, store, names)
    var (place, done) = (LetterPlace.beginning, 0)
    var times: [Duration] = []
    while true {
      let page = try await store.inspection.letters(
        LetterFilter(state: "dead"), oldestFirst: true, from: place, limit: 500, withEvents: false)
      guard let last = page.letters.last?.place else { break }
      place = last
      let start = ContinuousClock.now
      let outcomes = try await store.requeue(
        page.letters.map(\.place.delivery), from: ["dead"], retransform: false)
      times.append(ContinuousClock.now - start)
      done += outcomes.count
      if page.isLast { break }
    }
    #expect(done == 100_000)
    let sorted = times.sorted()
    print("requeue of 500: median \(sorted[sorted.count / 2]), longest \(sorted.last ?? .zero)")
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  /// Many dead letters, written by another program while the store has nothing to do.
  private static func fill(
    _ count: Int, _ file: TestFile, _ store: EventStore, _ names: Names
  ) async throws {
    try SQLiteFile(file.path, writable: true).rows(
      """
      BEGIN;
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
      INSERT INTO events (
        sequence, accepted_at_ms, source, type, generation, deliveries, provenance, payload
      )
      SELECT i, \(Names.nowMs) + i, \(names.github), 0, \(names.generation), 1,
        '{"platform":"github"}', '{"n":' || i || '}'
      FROM n;
      INSERT INTO attempts (
        delivery, number, started_at_ms, ended_at_ms, outcome, error, generation
      )
      SELECT sequence << 16, 1, accepted_at_ms, accepted_at_ms, 'error', 'broken', generation
      FROM events;
      INSERT INTO settled (
        delivery, lane, route, generation, state, reason, attempts, settled_at_ms, order_key
      )
      SELECT sequence << 16, \(names.claude), \(names.triage), generation, 'dead', 'attempts', 1,
        accepted_at_ms, 'k' || (sequence % 100)
      FROM events;
      UPDATE sources SET event_count = \(count), last_event_ms = \(Names.nowMs)
      WHERE key = \(names.github);
      COMMIT
      """)
  }
}
