import Store
import TestSupport
import Testing

/// What `inspect` counts.
@Suite(.timeLimit(.minutes(2)))
struct TallyTests {
  static let plans: [QueryPlanTests.Plan] = [
    .init(
      name: "eventFrom", sql: SQL.eventFrom,
      steps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid>?)"]),
    .init(
      name: "countSourceEvents", sql: SQL.countSourceEvents,
      steps: ["SEARCH events USING INTEGER PRIMARY KEY (rowid>?)"]),
    .init(
      name: "settledBeyond", sql: SQL.settledBeyond,
      steps: ["SEARCH settled USING INTEGER PRIMARY KEY (rowid>?)"]),
  ]

  @Test(arguments: plans)
  func `a count uses the key that its comment names`(_ plan: QueryPlanTests.Plan) throws {
    #expect(try QueryPlan.steps(of: plan.sql) == plan.steps)
  }

  @Test(arguments: [
    (SQL.sourceKey, "sources"), (SQL.routeKey, "routes"), (SQL.routeBreaker, "routes"),
    (SQL.actorBreaker, "lanes"),
  ])
  func `a name is looked up`(_ sql: String, _ table: String) throws {
    let steps = try QueryPlan.steps(of: sql)
    #expect(steps.count == 2)
    #expect(steps.allSatisfy { $0.hasPrefix("SEARCH") && $0.contains("USING") }, "\(steps)")
  }

  @Test func `settled deliveries are counted from the end of the log`() throws {
    let steps = try QueryPlan.steps(of: SQL.countSettled)
    #expect(steps.contains("SEARCH settled USING INTEGER PRIMARY KEY (rowid>?)"), "\(steps)")
    #expect(!steps.contains { $0.hasPrefix("SCAN settled") })
    let routes = try QueryPlan.steps(of: SQL.countSettledByRoute)
    #expect(routes.contains("SEARCH settled USING INTEGER PRIMARY KEY (rowid>?)"), "\(routes)")
    #expect(!routes.contains { $0.hasPrefix("SCAN settled") })
    let ends = try QueryPlan.steps(of: SQL.eventRange)
    #expect(!ends.contains { $0.contains("TEMP B-TREE") }, "\(ends)")
  }

  /// Ten events, one every 20 hours, the last one now; each goes to both actors.
  private func filled() async throws -> (TestFile, Names, nowMs: Int64) {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    let nowMs = Names.nowMs
    for number in Int64(1)...10 {
      try await store.accepted([
        names.event(
          atMs: nowMs - (10 - number) * 72_000_000, to: [names.toClaude(), names.toSlack])
      ])
    }
    for number in Int64(1)...10 {
      let start = names.start(number << 16)
      try await store.started([start])
      try await store.settled([
        names.end(
          start, number == 10 ? "error" : "delivered",
          .settled(state: number == 10 ? "dead" : "delivered", reason: number == 10 ? "x" : nil))
      ])
    }
    store.close()
    return (file, names, nowMs)
  }

  @Test func `a day and a week are counted by the time of acceptance`() async throws {
    let (file, _, nowMs) = try await filled()
    let reader = try StoreReader(path: file.path)
    defer { reader.close() }
    let source = try #require(
      try await reader.tally(of: .source("github", module: "engineering"), nowMs: nowMs))
    // 20 hours apart: two within a day, nine within a week.
    #expect(source.day == ["events": 2])
    #expect(source.week == ["events": 9])
    #expect(!source.isMinimum)
    #expect(source.newest?.acceptedAtMs == nowMs)
    for object in [
      TallyObject.route("triage", module: "engineering"), .actor("claude", module: "engineering"),
    ] {
      let tally = try #require(try await reader.tally(of: object, nowMs: nowMs))
      #expect(tally.week == ["delivered": 8, "dead": 1])
      #expect(tally.day == ["delivered": 1, "dead": 1])
      #expect(tally.newest?.id == source.newest?.id)
    }
    // Its deliveries are not settled.
    let slack = try await reader.tally(of: .actor("slack", module: "engineering"), nowMs: nowMs)
    #expect(slack?.week == [:])
    #expect(try await reader.tally(of: .source("none", module: "engineering"), nowMs: nowMs) == nil)
    #expect(try await reader.tally(of: .route("triage", module: "none"), nowMs: nowMs) == nil)
  }

  @Test func `a day of all routes is counted at once`() async throws {
    let (file, _, nowMs) = try await filled()
    let reader = try StoreReader(path: file.path)
    defer { reader.close() }
    let day = try await reader.dayCounts(nowMs: nowMs)
    #expect(!day.isMinimum)
    #expect(Set(day.counts.map(\.route)) == ["triage"])
    #expect(Set(day.counts.map(\.module)) == ["engineering"])
    #expect(Set(day.counts.map(\.actor)) == ["claude"])
    let states = Dictionary(uniqueKeysWithValues: day.counts.map { ($0.state, $0.count) })
    #expect(states == ["delivered": 1, "dead": 1])
    let newest = try await reader.dayCounts(nowMs: nowMs, rowsMax: 1)
    #expect(newest.isMinimum)
    #expect(newest.counts.map(\.state) == ["dead"])
  }

  @Test func `no more rows are looked at than may be, and that is told`() async throws {
    let (file, _, nowMs) = try await filled()
    let reader = try StoreReader(path: file.path)
    defer { reader.close() }
    for rows in [1, 3, 9] {
      let source = try await reader.tally(
        of: .source("github", module: "engineering"), nowMs: nowMs, rowsMax: rows)
      #expect(source?.week == ["events": rows])
      #expect(source?.isMinimum == (rows < 9))
      let route = try await reader.tally(
        of: .route("triage", module: "engineering"), nowMs: nowMs, rowsMax: rows)
      #expect(route?.week.values.reduce(0, +) == rows)
    }
  }

  @Test func `an empty log counts nothing`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    _ = try await Names.register(in: store)
    let tally = try await store.reader.tally(
      of: .source("github", module: "engineering"), nowMs: Names.nowMs)
    #expect(tally?.week == [:])
    #expect(tally?.newest == nil)
  }
}
