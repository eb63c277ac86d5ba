import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct SettleTests {
  @Test func `a delivered delivery leaves the queue and keeps its attempt`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude(), names.toSlack])])
    let start = names.start(1 << 16)
    try await store.started([start])
    #expect(try await store.interrupted().map(\.0) == [start])
    try await store.settled([names.end(start)])
    let sql = try SQLiteFile(file.path)
    #expect(try sql.rows("SELECT state, attempts FROM settled") == [["delivered", "1"]])
    #expect(try sql.rows("SELECT delivery FROM queue") == [["\(1 << 16 | 1)"]])
    #expect(try await store.interrupted().isEmpty)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an attempt that failed puts the delivery off, and the next one may kill it`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    let first = names.start(1 << 16)
    try await store.started([first])
    try await store.settled([
      names.end(first, "error", .waiting(dueAtMs: Names.nowMs + 1_000, reason: "backoff"))
    ])
    #expect(try Invariants.violations(inFile: file.path) == [])
    let due = try await store.due(lane: names.claude, nowMs: Names.nowMs + 1_000, limit: 10)
    #expect(due.page.map(\.attempts) == [1])
    let second = names.start(1 << 16, number: 2)
    try await store.started([second])
    try await store.settled([
      names.end(second, "timeout", .settled(state: "dead", reason: "attempts"))
    ])
    #expect(try await store.reader.deadLetterCount() == 1)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `follow-up events are accepted with the outcome that caused them`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    let start = names.start(1 << 16)
    try await store.started([start])
    let receipts = try await store.settled([
      names.end(
        start, followUps: [names.event("answer", cause: start.delivery, to: [names.toSlack])])
    ])
    #expect(receipts.map { $0.map(\.sequence) } == [[2]])
    #expect(try await store.pending(lane: names.slack, after: 0, limit: 9).count == 1)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `settling the same attempt again changes nothing`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    let start = names.start(1 << 16)
    try await store.started([start])
    let answer = names.event("answer", cause: start.delivery)
    try await store.settled([names.end(start, followUps: [answer])])
    let again = try await store.settled([
      names.end(
        start, "error", .waiting(dueAtMs: 5, reason: "backoff"), followUps: [answer])
    ])
    #expect(again.map(\.count) == [0])
    let sql = try SQLiteFile(file.path)
    #expect(try sql.rows("SELECT outcome FROM attempts") == [["delivered"]])
    #expect(try sql.integer("SELECT count(*) FROM events") == 2)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an attempt whose delivery was moved to another lane settles it there`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    let start = names.start(1 << 16)
    try await store.started([start])
    try await store.move([1 << 16], from: names.claude, to: names.slack)
    #expect(try Invariants.violations(inFile: file.path) == [])
    try await store.settled([names.end(start)])
    let sql = try SQLiteFile(file.path)
    #expect(
      try sql.rows("SELECT state, lane FROM settled") == [["delivered", "\(names.slack)"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an outcome that is no word of ours is refused and changes nothing`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude()])])
    let start = names.start(1 << 16)
    try await store.started([start])
    let error = await #expect(throws: StoreError.self) {
      try await store.settled([names.end(start, "splendid")])
    }
    #expect(error?.code == .constraint)
    #expect(try await store.interrupted().count == 1)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a parked delivery says why and is not pending`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(to: [names.toClaude(order: .text("k"))])])
    let start = names.start(1 << 16)
    try await store.started([start])
    try await store.settled([names.end(start, "skipped", .parked(reason: "held"))])
    #expect(try await store.pending(lane: names.claude, after: 0, limit: 9).isEmpty)
    #expect(try await store.oldest(lane: names.claude, orderKey: "k") == nil)
    let sql = try SQLiteFile(file.path)
    #expect(try sql.rows("SELECT state, wait_reason FROM v_deliveries") == [["parked", "held"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }
}
