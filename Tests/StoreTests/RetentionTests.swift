import Foundation
import Store
import TestSupport
import Testing

/// What is old goes, with all that belongs to it, and nothing else does.
@Suite(.timeLimit(.minutes(2)))
struct RetentionTests {
  private static let week = RetentionTimes.eventsMs
  private static let nowMs = Names.nowMs + week + 60_000

  private static func hold(_ limitMs: Int64 = 1_000) -> HoldWatch {
    HoldWatch(limitMs: limitMs) { 0 }
  }

  private static func batch(
    _ events: [Int64], _ names: Names, nowMs: Int64 = nowMs, rowsMax: Int = 1_000
  ) -> PruneBatch {
    PruneBatch(
      events: events, modules: [names.keys.module], through: events.last, nowMs: nowMs,
      rowsMax: rowsMax)
  }

  /// Six events: delivered, dead, waiting, unrouted, one that another caused, and a delivered one
  /// with two attempts.
  private func worked(_ store: EventStore) async throws -> Names {
    let names = try await Names.register(in: store)
    try await store.accepted([
      names.event(key: "k1", id: "x1", to: [names.toClaude(), names.toSlack]),
      names.event(to: [names.toClaude()]), names.event(to: [names.toClaude()]),
      names.event(key: "k4"),
    ])
    try await end(1 << 16, store, names)
    let slack = names.start(1 << 16 | 1, lane: names.slack)
    try await store.started([slack])
    try await store.settled([
      names.end(slack, followUps: [names.event(cause: slack.delivery, to: [names.toClaude()])])
    ])
    try await end(2 << 16, store, names, "error", .settled(state: "dead", reason: "attempts"))
    try await end(
      3 << 16, store, names, "error", .waiting(dueAtMs: Names.nowMs, reason: "backoff"))
    try await end(5 << 16, store, names)
    try await store.accepted([names.event(to: [names.toClaude()])])
    try await end(
      6 << 16, store, names, "error", .waiting(dueAtMs: Names.nowMs, reason: "backoff"))
    try await end(6 << 16, store, names, number: 2)
    return names
  }

  private func end(
    _ delivery: Int64, _ store: EventStore, _ names: Names, _ outcome: String = "delivered",
    _ disposition: SettleRecord.Disposition = .settled(state: "delivered", reason: nil),
    number: Int = 1
  ) async throws {
    let start = names.start(delivery, number: number)
    try await store.started([start])
    var record = names.end(start, outcome, disposition)
    record.transformed = Array("{}".utf8)
    try await store.settled([record])
  }

  @Test func `settled events go with all that is theirs; dead and unsettled ones stay`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await worked(store)
    let report = try await store.prune(
      Self.batch([1, 2, 3, 4, 5, 6], names), hold: Self.hold())
    #expect(report.looked == 6)
    #expect((report.events, report.deliveries, report.kept) == (4, 4, 2))
    let sql = try SQLiteFile(file.path)
    #expect(try sql.rows("SELECT sequence FROM events") == [["2"], ["3"]])
    for table in ["settled", "attempts", "transformed"] {
      let left = try sql.rows("SELECT DISTINCT delivery >> 16 FROM \(table) ORDER BY 1")
      #expect(left == (table == "settled" ? [["2"]] : [["2"], ["3"]]))
    }
    #expect(try sql.integer("SELECT count(*) FROM dedup_keys") == 0)
    #expect(try sql.integer("SELECT count(*) FROM external_ids") == 0)
    #expect(try sql.rows("SELECT sequence FROM kept_events") == [["2"], ["3"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a dead letter goes when it has been dead long enough`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await worked(store)
    _ = try await store.prune(Self.batch([2, 3], names), hold: Self.hold())
    let soonMs = Names.nowMs + 29 * 86_400_000
    #expect(try await store.keptEvents(dueAtMs: soonMs, limit: 10) == [2, 3])
    let early = try await store.prune(
      PruneBatch(events: [2, 3], nowMs: soonMs, rowsMax: 10), hold: Self.hold())
    #expect((early.events, early.kept) == (0, 2))
    let lateMs = Names.nowMs + 31 * 86_400_000
    #expect(try await store.keptEvents(dueAtMs: lateMs, limit: 10) == [2, 3])
    let late = try await store.prune(
      PruneBatch(events: [2, 3], nowMs: lateMs, rowsMax: 10), hold: Self.hold())
    #expect((late.events, late.deadLetters, late.kept) == (1, 1, 1))
    #expect(try SQLiteFile(file.path).rows("SELECT sequence FROM kept_events") == [["3"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `what was settled late is kept from then on`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(atMs: 1, to: [names.toClaude()])])
    try await end(1 << 16, store, names)
    let early = try await store.prune(
      Self.batch([1], names, nowMs: Names.nowMs + 86_400_000), hold: Self.hold())
    #expect((early.events, early.kept) == (0, 1))
    let late = try await store.prune(Self.batch([1], names), hold: Self.hold())
    #expect(late.events == 1)
  }

  @Test func `a batch ends where it may do no more, and the next one goes on there`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await worked(store)
    let first = try await store.prune(
      Self.batch([1, 2, 3, 4, 5, 6], names, rowsMax: 1), hold: Self.hold())
    #expect(first.looked == 1)
    // Even with no time at all each batch gets on.
    let second = try await store.prune(
      Self.batch([2, 3, 4, 5, 6], names), hold: Self.hold(0))
    #expect(second.looked == 1)
    let needs = try await store.retentionNeeds(nowMs: Self.nowMs, logsBeforeMs: 0)
    #expect(needs.modules.first { $0.key == names.keys.module }?.prunedThrough == 2)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `an event with very many deliveries goes in parts`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let many = 2_300
    try await store.accepted([
      names.event(to: Array(repeating: names.toClaude(), count: many))
    ])
    let starts = (0..<many).map { names.start(1 << 16 | Int64($0)) }
    try await store.started(starts)
    try await store.settled(starts.map { names.end($0) })
    var parts = 0
    while try await store.prune(Self.batch([1], names), hold: Self.hold()).looked == 0 {
      parts += 1
      let sql = try SQLiteFile(file.path)
      #expect(
        try sql.value("SELECT count(*) = (SELECT deliveries FROM events) FROM settled") == "1")
    }
    #expect(parts == 2)
    let sql = try SQLiteFile(file.path)
    #expect(
      try sql.rows("SELECT (SELECT count(*) FROM settled), count(*) FROM attempts")
        == [["0", "0"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `numbers are not given twice, though the newest event is gone`() async throws {
    let file = try TestFile()
    var store = try file.open()
    let names = try await Names.register(in: store)
    try await store.accepted([names.event(), names.event()])
    _ = try await store.prune(Self.batch([1, 2], names), hold: Self.hold())
    #expect(try await store.accepted([names.event()]).map(\.sequence) == [3])
    _ = try await store.prune(Self.batch([3], names), hold: Self.hold())
    store.close()
    store = try file.open()
    defer { store.close() }
    #expect(try await store.accepted([names.event()]).map(\.sequence) == [4])
  }

  @Test func `expired keys, old coverage and old log entries go`() async throws {
    let file = try TestFile()
    let store = try file.open()
    let names = try await Names.register(in: store)
    for (from, to) in [(1, 2), (5, Self.nowMs)] as [(Int64, Int64)] {
      try await store.save(
        SourceProgress(source: names.github, coveredFromMs: from, coveredToMs: to))
    }
    let rows = [10, 20].map {
      LogRow(
        timestampMs: $0, phase: "x", level: 1, module: nil, source: nil, fields: Array("{}".utf8))
    }
    try await store.append(rows, forgettingBeforeMs: 0)
    let idle = try await store.retentionNeeds(nowMs: 0, logsBeforeMs: 10)
    #expect((idle.hasOldLogs, idle.hasOldCoverage, idle.hasExpiredKeys) == (false, false, false))
    let needs = try await store.retentionNeeds(nowMs: Self.nowMs, logsBeforeMs: 15)
    #expect((needs.hasOldLogs, needs.hasOldCoverage) == (true, true))
    #expect(
      try await store.forget(.logs, beforeMs: 15, limit: 10, hold: Self.hold()) == 1)
    #expect(
      try await store.forget(.coverage, beforeMs: Self.nowMs, limit: 10, hold: Self.hold()) == 1)
    store.close()
    #expect(try SQLiteFile(file.path).rows("SELECT from_ms FROM coverage") == [["5"]])
  }

  @Test func `the file shrinks`() async throws {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    let text = String(repeating: "x", count: 4_000)
    for _ in 0..<20 {
      try await store.accepted((0..<100).map { _ in names.event(text) })
    }
    try await store.checkpoint()
    let before = try #require(DatabaseFacts(path: file.path).bytes)
    var left = Array(Int64(1)...2_000)
    while !left.isEmpty {
      let report = try await store.prune(Self.batch(left, names), hold: Self.hold())
      left.removeFirst(report.looked)
    }
    let pages = try await store.pages()
    #expect(pages.free > pages.count / 2)
    for _ in 0..<100 { try await store.vacuum(pagesMax: 20, hold: Self.hold()) }
    try await store.checkpoint()
    let after = try #require(DatabaseFacts(path: file.path).bytes)
    #expect(after * 4 < before)
    #expect(try await store.pages().free == 0)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }

  @Test func `a key is used up by the delivery that succeeds, held by one that waits`()
    async throws
  {
    let file = try TestFile()
    let store = try file.open()
    defer { store.close() }
    let names = try await Names.register(in: store)
    try await store.accepted((0..<3).map { _ in names.event(to: [names.toClaude()]) })
    let key = DedupKeyRecord(
      transform: "once", hash: Array(repeating: 7, count: 32), expiresAtMs: 1_000)
    func end(
      _ delivery: Int64, _ number: Int, _ outcome: String,
      _ disposition: SettleRecord.Disposition, undone: Bool = false
    ) async throws {
      let start = names.start(delivery, number: number)
      try await store.started([start])
      var record = names.end(start, outcome, disposition)
      record.isUndone = undone
      record.keys = undone ? [] : [key]
      try await store.settled([record])
    }
    func state(_ delivery: Int64, _ nowMs: Int64 = 0) async throws -> DedupKeyState {
      try await store.state(
        of: key, route: names.triage, for: delivery, lane: names.claude, nowMs: nowMs)
    }
    #expect(try await state(1 << 16) == .free)
    try await end(1 << 16, 1, "error", .waiting(dueAtMs: 5, reason: "backoff"))
    #expect(try await state(2 << 16) == .held(by: 1 << 16, orderKey: nil))
    #expect(try await state(1 << 16) == .free)
    try await end(
      2 << 16, 1, "dropped", .waiting(dueAtMs: 9, reason: "ordered_behind"), undone: true)
    let sql = try SQLiteFile(file.path)
    #expect(
      try sql.rows("SELECT attempts, state, wait_reason FROM queue WHERE delivery = 2 << 16")
        == [["0", "2", "ordered_behind"]])
    #expect(try Invariants.violations(inFile: file.path) == [])
    try await end(1 << 16, 2, "delivered", .settled(state: "delivered", reason: nil))
    #expect(
      try await state(2 << 16, 999)
        == .delivered(by: 1 << 16, acceptedAtMs: Names.nowMs))
    #expect(try await state(2 << 16, 1_000) == .free)
    #expect(try sql.integer("SELECT count(*) FROM held_keys") == 0)
    #expect(try Invariants.violations(inFile: file.path) == [])
    // Dead, it holds nothing.
    try await end(3 << 16, 1, "rejected", .settled(state: "dead", reason: "rejected"))
    #expect(try await state(2 << 16, 1_000) == .free)
    #expect(
      try await store.forget(.deliveredKeys, beforeMs: 1_000, limit: 10, hold: Self.hold()) == 1)
    #expect(try Invariants.violations(inFile: file.path) == [])
  }
}
