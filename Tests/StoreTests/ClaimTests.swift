import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ClaimTests {
  /// A store whose lane `claude` has six deliveries: numbers 1 to 6, order keys a b a b a none.
  private func filled() async throws -> (TestFile, EventStore, Names) {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    for key in ["a", "b", "a", "b", "a", nil] {
      let order = key.map { DeliveryRecord.OrderKeyValue.text($0) } ?? .none
      try await store.accepted([names.event(to: [names.toClaude(order: order), names.toSlack])])
    }
    return (file, store, names)
  }

  /// One attempt that fails and is due again at a time of the test's.
  private func putOff(
    _ event: Int64, dueAtMs: Int64, _ store: EventStore, _ names: Names
  ) async throws {
    let start = names.start(event << 16)
    try await store.started([start])
    try await store.settled([
      names.end(start, "error", .waiting(dueAtMs: dueAtMs, reason: "backoff"))
    ])
  }

  @Test func `pending deliveries come in acceptance order, page by page`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    try await putOff(2, dueAtMs: 100, store, names)
    let first = try await store.pending(lane: names.claude, after: 0, limit: 3)
    #expect(first.map { $0.event.sequence } == [1, 3, 4])
    let last = try #require(first.last)
    let second = try await store.pending(lane: names.claude, after: last.delivery, limit: 3)
    #expect(second.map { $0.event.sequence } == [5, 6])
    #expect(first[0].orderKey == "a")
    #expect(first[0].route == names.triage)
    #expect(first[0].event.payload == Array(#"{"text":"hello"}"#.utf8))
    #expect(try await store.pending(lane: 99, after: 0, limit: 3).isEmpty)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `due deliveries come earliest first, and the next due time is told`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    for (event, due) in [(1, 300), (2, 100), (3, 200), (4, 900), (5, 100)] as [(Int64, Int64)] {
      try await putOff(event, dueAtMs: due, store, names)
    }
    let due = try await store.due(lane: names.claude, nowMs: 300, limit: 10)
    #expect(due.page.map { $0.event.sequence } == [2, 5, 3, 1])
    #expect(due.page.map(\.dueAtMs) == [100, 100, 200, 300])
    #expect(due.nextDueMs == 900)
    let full = try await store.due(lane: names.claude, nowMs: 300, limit: 2)
    #expect(full.page.map { $0.event.sequence } == [2, 5])
    #expect(full.nextDueMs == 300)
    let none = try await store.due(lane: names.slack, nowMs: 300, limit: 2)
    #expect(none.page.isEmpty && none.nextDueMs == nil)
    #expect(file.path.isEmpty == false)
  }

  @Test func `the oldest of an order key is found whether it is pending or waiting`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    func oldest(_ key: String) async throws -> Int64? {
      try await store.oldest(lane: names.claude, orderKey: key)?.event.sequence
    }
    #expect(try await oldest("a") == 1)
    try await putOff(1, dueAtMs: 100, store, names)
    #expect(try await oldest("a") == 1)
    #expect(try await store.drop([1 << 16], lane: names.claude, nowMs: 1) == 1)
    #expect(try await oldest("a") == 3)
    #expect(try await oldest("b") == 2)
    #expect(try await oldest("c") == nil)
    #expect(file.path.isEmpty == false)
  }

  @Test func `a lane that begins learns when and for which keys it waits`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    var waiting = try await store.waiting(lane: names.claude)
    #expect(waiting.nextDueMs == nil && waiting.orderKeys.isEmpty)
    for (event, due) in [(1, 300), (3, 200), (6, 500)] as [(Int64, Int64)] {
      try await putOff(event, dueAtMs: due, store, names)
    }
    waiting = try await store.waiting(lane: names.claude)
    #expect(waiting.nextDueMs == 200)
    #expect(waiting.orderKeys == ["a"])
    #expect(file.path.isEmpty == false)
  }

  @Test func `a transformed event is kept for the next attempt`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    let start = names.start(1 << 16)
    try await store.started([start])
    var record = names.end(start, "error", .waiting(dueAtMs: 5, reason: "backoff"))
    record.transformed = Array(#"{"changed":true}"#.utf8)
    try await store.settled([record])
    #expect(
      try await store.transformedEvent(delivery: 1 << 16) == Array(#"{"changed":true}"#.utf8))
    #expect(try await store.transformedEvent(delivery: 2 << 16) == nil)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  // MARK: Arranging

  private func states(_ file: TestFile, route: String) throws -> [[String?]] {
    try SQLiteFile(file.path).rows(
      "SELECT DISTINCT state, wait_reason FROM v_deliveries WHERE route = '\(route)'")
  }

  @Test func `deliveries of a removed route are parked where they are, and go on with it`()
    async throws
  {
    let (file, store, names) = try await filled()
    defer { store.close() }
    try await putOff(2, dueAtMs: 100, store, names)
    _ = try await store.register(Names.record(content: "v2", without: ["triage"]))
    #expect(try states(file, route: "triage") == [["parked", "route_removed"]])
    #expect(try states(file, route: "notify") == [["pending", "queued"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
    _ = try await store.register(Names.record())
    #expect(try states(file, route: "triage") == [["pending", "queued"], ["waiting", "backoff"]])
    let back = try await store.pending(lane: names.claude, after: 0, limit: 9)
    #expect(back.map { $0.event.sequence } == [1, 3, 4, 5, 6])
  }

  @Test func `deliveries of an unloaded module are parked where they are`() async throws {
    let (file, store, _) = try await filled()
    defer { store.close() }
    try await store.set(
      .init(name: "engineering", state: "removed", desired: "removed", nowMs: Names.nowMs))
    #expect(try states(file, route: "notify") == [["parked", "module_unloaded"]])
    let queues = try await store.reader.queues()
    #expect(queues.map(\.parked) == [6, 6])
    #expect(queues.map(\.pending) == [0, 0])
  }

  @Test func `deliveries to a disabled actor say so`() async throws {
    let (file, store, _) = try await filled()
    defer { store.close() }
    var record = Names.record(content: "v2")
    record.actors = [.init(id: "claude", isEnabled: false), .init(id: "slack", isEnabled: true)]
    _ = try await store.register(record)
    #expect(try states(file, route: "triage") == [["parked", "actor_disabled"]])
    #expect(try states(file, route: "notify") == [["pending", "queued"]])
  }

  @Test func `paused routes, actors and modules say why their deliveries wait`() async throws {
    let (file, store, _) = try await filled()
    defer { store.close() }
    for (kind, name, triage, notify) in [
      ("route", "triage", "paused", "queued"), ("actor", "slack", "queued", "paused"),
      ("module", "engineering", "paused", "paused"), ("source", "github", "queued", "queued"),
    ] {
      let row = PauseRow(
        kind: kind, module: "engineering", name: name, sinceMs: Names.nowMs, by: "alice",
        reason: "deploy", untilMs: nil)
      try await store.pause([row])
      #expect(try await store.reader.pauses() == [row])
      #expect(try states(file, route: "triage") == [["pending", triage]])
      #expect(try states(file, route: "notify") == [["pending", notify]])
      let shown = try SQLiteFile(file.path).rows("SELECT module, target, by, reason FROM v_paused")
      #expect(shown == [["engineering", "\(kind)/\(name)", "alice", "deploy"]])
      try await store.resume([row])
    }
    #expect(try await store.reader.pauses() == [])
  }

  @Test func `a route that changes its lane takes its queue along`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    try await putOff(1, dueAtMs: 100, store, names)
    var record = Names.record(content: "v2")
    record.routes[0] = Names.route("triage", to: "slack")
    let keys = try await store.register(record)
    let move = try #require(keys.moves.first)
    #expect(keys.moves == [.init(route: names.triage, from: names.claude, to: names.slack)])
    let page = try await store.unsettled(
      lane: move.from, route: move.route, after: 0, limit: 20)
    #expect(page.count == 6)
    try await store.move(page, from: move.from, to: move.to)
    #expect(try await store.register(record).moves == [move])
    try await store.finishMove(
      ofRoute: move.route, from: move.from, to: move.to, after: 0)
    #expect(try await store.register(record).moves == [])
    let moved = try await store.pending(lane: names.slack, after: 0, limit: 20)
    #expect(moved.count == 11)
    #expect(moved.map(\.delivery) == moved.map(\.delivery).sorted())
    let due = try await store.due(lane: names.slack, nowMs: 100, limit: 9)
    #expect(due.page.map { $0.event.sequence } == [1])
    let queue = try #require(try await store.reader.queues().first)
    #expect([queue.module, queue.kind, queue.name] == ["engineering", "actor", "slack"])
    #expect([queue.pending, queue.waiting, queue.parked, queue.running] == [11, 1, 0, 0])
    #expect(queue.oldestMs == Names.nowMs)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `dropped deliveries end with a reason, and one that runs is left alone`() async throws
  {
    let (file, store, names) = try await filled()
    defer { store.close() }
    let start = names.start(1 << 16)
    try await store.started([start])
    let page = try await store.unsettled(
      lane: names.claude, route: names.triage, after: 0, limit: 20)
    #expect(try await store.drop(page, lane: names.claude, nowMs: Names.nowMs) == 5)
    #expect(try await store.drop(page, lane: names.claude, nowMs: Names.nowMs) == 0)
    try await store.settled([names.end(start)])
    let ends = try SQLiteFile(file.path).rows(
      "SELECT state, reason, count(*) FROM v_deliveries WHERE route = 'triage' GROUP BY 1, 2")
    #expect(ends == [["delivered", nil, "1"], ["dropped", "operator", "5"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `only deliveries of the routes that are asked for are claimed`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    #expect(
      try await store.pending(
        lane: names.claude, after: 0, limit: 9, routes: [names.review]
      ).isEmpty)
    #expect(
      try await store.pending(
        lane: names.claude, after: 0, limit: 9, routes: [names.triage, names.review]
      ).count == 6)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a delivery that nobody takes is made pending when it is due`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    try await putOff(2, dueAtMs: 100, store, names)
    let due = try await store.due(lane: names.claude, nowMs: 100, limit: 9).page
    try await withCheckedContinuation { continuation in
      store.release(due.map(\.delivery), lane: names.claude) { continuation.resume(returning: $0) }
    }.get()
    #expect(try await store.due(lane: names.claude, nowMs: 100, limit: 9).page.isEmpty)
    #expect(try await store.pending(lane: names.claude, after: 0, limit: 9).count == 6)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `what an operator parked stays parked`() async throws {
    let (file, store, names) = try await filled()
    defer { store.close() }
    let start = names.start(1 << 16)
    try await store.started([start])
    try await store.settled([names.end(start, "skipped", .parked(reason: "held"))])
    _ = try await store.register(Names.record())
    #expect(
      try SQLiteFile(file.path).rows("SELECT wait_reason FROM v_deliveries WHERE state = 'parked'")
        == [["held"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }
}
